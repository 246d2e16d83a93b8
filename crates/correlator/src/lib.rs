//! Findings to incidents, in one transaction.
