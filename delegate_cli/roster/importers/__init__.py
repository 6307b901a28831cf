"""One file a format: the bytes of a file and its path → agents, and what had to be mended in reading them.

Nothing here touches the network (but for `fetch`, which only a command asks for) or executes anything.
"""
