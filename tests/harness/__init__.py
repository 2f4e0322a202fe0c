"""What the end-to-end tests are made of: private servers, the product's processes, clients of its API and of the phones."""
