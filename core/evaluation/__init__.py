"""How close a head is to the person: the benchmarks' own protocols, their files, and an independent face recogniser.

now_*: the NoW challenge (a scan's points to a prediction's surface); realy_*: the region-wise REALY benchmark;
recognition: is a head, seen from elsewhere, still this person.
"""
