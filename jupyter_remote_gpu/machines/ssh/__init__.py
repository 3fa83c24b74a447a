"""Making a machine that is reached by SSH ready: look, carry over what is missing, start."""
