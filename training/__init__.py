"""Trains the default encoder's adapter on public rosters: `make train DATA=folder`."""
