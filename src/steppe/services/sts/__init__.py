"""Security Token Service: who calls. There are no users and no roles here, so everybody is the account's root."""
