//! Owns partitions: reads features of activities, then learns them.
