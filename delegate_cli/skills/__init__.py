"""Skill profiles: what an agent is measured to be good at, and what that says of the skills nobody measured."""
