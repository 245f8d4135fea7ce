"""Many photos without a window: inputs, workers, outputs, report. batch.py is its command line."""
