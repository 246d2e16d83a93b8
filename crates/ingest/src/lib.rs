//! Reads every source and publishes activities.
