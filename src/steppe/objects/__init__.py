"""Bytes by bucket and key: the port (`object_store`), and the places that keep them."""
