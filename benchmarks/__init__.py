"""What is claimed about speed, runnable by anyone, and the server that it is measured on."""
