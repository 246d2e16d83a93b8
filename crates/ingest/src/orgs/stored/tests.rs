//! Against a Salesforce that misbehaves.
