//! JetStream: streams, subjects, typed batches, acks, dead letters.
