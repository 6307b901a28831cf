"""The public benchmark (`make benchmark DATA=folder`): delegate and its peers on the same rosters and tasks.

`catalogue` says who takes part and with which settings, `environments` gives each an environment of its own, `runs` lets a
small script of `adapters/` answer a job there and keeps the answers, `figures` turns answers into numbers, `page` into a page.
"""
