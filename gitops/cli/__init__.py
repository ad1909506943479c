"""Edge: the verbs of desired state, one module a group. Heavy modules load with the verb."""
