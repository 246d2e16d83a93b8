//! A Salesforce that serves given events by all its interfaces, and misbehaves on request.
