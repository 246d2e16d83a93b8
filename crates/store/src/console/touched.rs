//! Who reads an object or a report.

use super::Visit;
use crate::convert::{text, unsigned};
use crate::error::{Context, Result};
use model::{FirstOf, OrgId, Points, Timestamp, UserId};
use serde_json::{Value, json};

/// The incidents that touched something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// How many incidents.
    pub incidents: u64,
    /// Of how many accounts.
    pub in_all: u64,
    /// These, the ones with the most incidents first.
    pub accounts: Vec<TouchingAccount>,
}

/// An account with incidents that touched something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TouchingAccount {
    /// The account.
    pub user_id: UserId,
    /// Its username, where it is known.
    pub username: Option<String>,
    /// How many incidents.
    pub incidents: u64,
    /// The highest risk of them.
    pub highest_risk: Points,
    /// Event time of the latest finding of them.
    pub last_event_at: Timestamp,
}

/// An account that used something for the first time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstDay {
    /// The account.
    pub user_id: UserId,
    /// Its username on the day, if it was known.
    pub username: Option<String>,
    /// Start of the day.
    pub day: Timestamp,
}

impl Visit {
    /// Returns the incidents of an org with a facet, such as `object:Contact`, by account: at most `limit` accounts.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn touched(&mut self, org: &OrgId, facet: &str, limit: u32) -> Result<Touched> {
        let rows = sqlx::query!(
            r#"SELECT user_id AS "user_id!", username, incidents AS "incidents!", highest_risk AS "highest_risk!",
                   last_event_at AS "last_event_at!", all_incidents AS "all_incidents!", all_accounts AS "all_accounts!"
               FROM orgwatch.accounts_with_facet($1, $2, $3)"#,
            &text(org.as_str()),
            &text(facet),
            i32::try_from(limit).unwrap_or(i32::MAX)
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("find the accounts that touched something")?;
        let first = rows.first();
        Ok(Touched {
            incidents: first.map_or(0, |row| unsigned(row.all_incidents)),
            in_all: first.map_or(0, |row| unsigned(row.all_accounts)),
            accounts: rows
                .into_iter()
                .map(|row| TouchingAccount {
                    user_id: UserId::new(&row.user_id),
                    username: row.username,
                    incidents: unsigned(row.incidents),
                    highest_risk: Points(row.highest_risk),
                    last_event_at: Timestamp(row.last_event_at),
                })
                .collect(),
        })
    }

    /// Returns the days of a span on which accounts of an org used something for the first time that has any of these names,
    /// the latest first: at most `limit`. Of a day with many first times only the first
    /// [`DayFirsts::NAMES`](model::DayFirsts::NAMES) names are stored.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn first_days(
        &mut self,
        org: &OrgId,
        (what, names): (FirstOf, &[&str]),
        (from, to): (Timestamp, Timestamp),
        limit: u32,
    ) -> Result<Vec<FirstDay>> {
        let any_of: Vec<Value> = names.iter().map(|name| json!({ what.as_str(): [text(name)] })).collect();
        let rows = sqlx::query!(
            r#"SELECT user_id AS "user_id!", username, orgwatch.to_ms(day) AS "day!"
               FROM orgwatch.first_days($1, $2, orgwatch.from_ms($3), orgwatch.from_ms($4), $5)"#,
            &text(org.as_str()),
            &any_of,
            from.0,
            to.0,
            i32::try_from(limit).unwrap_or(i32::MAX)
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("find who used something for the first time")?;
        let day = |row: (String, Option<String>, i64)| FirstDay {
            user_id: UserId::new(&row.0),
            username: row.1,
            day: Timestamp(row.2),
        };
        Ok(rows.into_iter().map(|row| day((row.user_id, row.username, row.day))).collect())
    }
}
