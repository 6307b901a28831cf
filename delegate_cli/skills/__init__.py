"""Skill profiles: what an agent is measured to be good at, and what follows from that for skills nobody measured."""
