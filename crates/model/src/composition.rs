//! What a day of an account is made of.

use crate::Text;
use crate::words::words;
use serde::Serialize;
use uuid::Uuid;

words! {
    /// A kind of value that an activity has.
    ValueKind {
        /// A Salesforce object that was read.
        Object = "object",
        /// A list view.
        View = "view",
        /// A report.
        Report = "report",
        /// A connected app, or an application as Salesforce names it.
        App = "app",
        /// What is done: a kind of events, and what it does to data.
        Operation = "operation",
    }
}

/// What a day consists of, and how much more likely another account of the org would have such a day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Composition {
    /// Natural logarithm of the ratio of the likelihoods of the day: that by the org's other accounts to that by the account
    /// itself. Until the day is over, what usually speaks for the account is taken to come yet.
    pub ratio: f64,
    /// Usual ratio of a day of the account, shrunk to its class.
    pub mean: f64,
    /// Standard deviation of the ratio of a day, shrunk to the class.
    pub deviation: f64,
    /// How much less the day has of what usually speaks for the account, as a part of the ratio. At least 0.
    pub missing: f64,
    /// Days of the account behind its usual ratio.
    pub days: f64,
    /// Values of the day that speak against the account.
    pub unusual: u32,
    /// Those that speak most against it, the strongest first.
    pub values: Vec<UnusualValue>,
    /// Whether the day is over.
    pub closed: bool,
}

/// A value of a day that speaks against its account.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UnusualValue {
    /// What it is.
    pub kind: ValueKind,
    /// Its name.
    pub name: Text,
    /// Activities of the day that have it.
    pub count: u32,
    /// Its part of the ratio, above 0.
    pub ratio: f64,
    /// Its share of the account's values of the kind, 0 to 1.
    pub own_share: f64,
    /// Its share of the other accounts' values of the kind, 0 to 1.
    pub org_share: f64,
    /// The first activity of the day that has it.
    pub first: Uuid,
}
