"""AWS's protocols, without business: requests to operations and inputs, answers and errors back to bytes."""
