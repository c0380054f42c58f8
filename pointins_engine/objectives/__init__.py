"""What the student is asked for: softmap distillation, ODR, SCR and the offset loss.

Everything here takes tensors and returns tensors or frozen records; no network, no view and no file
is known. Results are float32 whatever autocast says, on the device of the inputs. What is random
takes a generator.
"""
