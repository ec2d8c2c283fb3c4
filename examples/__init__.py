"""Small, complete programs. `README.md` describes each of them."""
