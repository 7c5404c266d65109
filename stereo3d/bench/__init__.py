"""How fast this machine is: the depth networks on their own, and the film stage by stage and end to end."""
