"""The tests; they mirror `twisted_net`, folder for folder."""
