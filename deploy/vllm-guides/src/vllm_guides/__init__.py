"""Token guidance inside vLLM: small models tilt every token of the served one, per request."""
