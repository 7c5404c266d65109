"""The program on a CUDA device that is only pretended, for machines without one.

``python -m tests.pretended convert ...`` runs the program with ``torch.cuda`` as if there were a card (:mod:`.device`). The numbers
lie in the host's memory, so the pictures can be compared with those of ``--device cpu``; but what is on the device and what is
not is kept apart as strictly as CUDA does. It finds what is left on the wrong side, and what only a CPU has; it
says nothing of speed, streams, graphs, drivers or the hardware's codecs.
"""
