//! Delivers changes of incidents, never twice for one revision.
