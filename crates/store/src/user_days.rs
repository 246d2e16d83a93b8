//! Days of accounts that have closed: what people look at, and try thresholds on.

mod json;

use crate::convert::{text, unsigned};
use crate::error::{Context, Result, StoreError};
use crate::{Store, words};
use json::{first_names, reasons, surprises, texts, unjudged, volume, volumes};
use model::{DayFacts, DayFirsts, DaySurprise, FirstOf, OrgId, Surface, Text, Timestamp, UserDay, UserId};
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What a heat map shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeatMeasure {
    /// Reports exported for the first time.
    FirstReports,
    /// Objects accessed for the first time.
    FirstObjects,
}

/// A row of a heat map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeatRow {
    /// The account.
    pub user_id: UserId,
    /// Its username on the latest of the days, if it was known.
    pub username: Option<String>,
    /// The sum over all days.
    pub total: u64,
    /// The start of each day with a count above 0, and the count, by day.
    pub days: Vec<(Timestamp, u32)>,
}

/// A day on which a detector was surprised.
#[derive(Clone, Debug, PartialEq)]
pub struct SurprisedDay {
    /// The account.
    pub user_id: UserId,
    /// Start of the day.
    pub day: Timestamp,
    /// The largest calibrated surprise of the detector.
    pub surprise: f64,
}

/// The most days that one statement writes. A choice: about 500 kB.
const CHUNK_DAYS: usize = 1_000;

impl Store {
    /// Returns the closed days of an account that begin from `from` on and before `to`, by day.
    ///
    /// # Errors
    /// If the database fails, or has a word that this version does not know.
    pub async fn user_days(&self, org: &OrgId, user: &UserId, from: Timestamp, to: Timestamp) -> Result<Vec<UserDay>> {
        user_days(&self.pool, org, user, from, to).await
    }

    /// Returns the accounts of an org with the largest sums of a measure over days that begin from `from` on and before
    /// `to`, the largest first, at most `limit`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn heat_map(
        &self,
        org: &OrgId,
        from: Timestamp,
        to: Timestamp,
        measure: HeatMeasure,
        limit: u32,
    ) -> Result<Vec<HeatRow>> {
        heat_map(&self.pool, org, from, to, measure, limit).await
    }
}

/// See [`Store::user_days`].
pub(crate) async fn user_days(
    executor: impl PgExecutor<'_>,
    org: &OrgId,
    user: &UserId,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<UserDay>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT org_id, user_id, (extract(epoch FROM day) * 1000)::bigint AS "day!", username, user_class,
               (extract(epoch FROM last_at) * 1000)::bigint AS "last_at!", volumes, downloads, bytes, written, held,
               first_objects, first_scopes, first_reports, first_networks, first_clients, first_countries, first_apps,
               first_names, surprises, hours, unjudged
           FROM orgwatch.user_days
           WHERE org_id = $1 AND user_id = $2 AND day >= orgwatch.from_ms($3) AND day < orgwatch.from_ms($4)
           ORDER BY day"#,
        org.as_str(),
        user.as_str(),
        from.0,
        to.0
    )
    .fetch_all(executor)
    .await
    .context("read the days of an account")?;
    rows.into_iter().map(UserDay::try_from).collect()
}

/// See [`Store::heat_map`].
pub(crate) async fn heat_map(
    executor: impl PgExecutor<'_>,
    org: &OrgId,
    from: Timestamp,
    to: Timestamp,
    measure: HeatMeasure,
    limit: u32,
) -> Result<Vec<HeatRow>> {
    // The name is looked up once for each account, as the index with the counts does not have it.
    let rows = sqlx::query!(
        r#"SELECT user_id, total AS "total!", days AS "days!", counts AS "counts!",
               (SELECT d.username FROM orgwatch.user_days d
                WHERE d.org_id = $1 AND d.user_id = most.user_id AND d.day = most.latest) AS username
           FROM (
               SELECT user_id, sum(count) AS total, max(day) AS latest,
                   array_agg((extract(epoch FROM day) * 1000)::bigint ORDER BY day) AS days,
                   array_agg(count ORDER BY day) AS counts
               FROM (
                   SELECT user_id, day, CASE WHEN $4 THEN first_reports ELSE first_objects END AS count
                   FROM orgwatch.user_days
                   WHERE org_id = $1 AND day >= orgwatch.from_ms($2) AND day < orgwatch.from_ms($3)
                       AND (first_reports > 0 OR first_objects > 0)) cells
               WHERE count > 0 GROUP BY user_id ORDER BY sum(count) DESC, user_id LIMIT $5) most
           ORDER BY total DESC, user_id"#,
        org.as_str(),
        from.0,
        to.0,
        measure == HeatMeasure::FirstReports,
        i64::from(limit)
    )
    .fetch_all(executor)
    .await
    .context("read a heat map")?;
    let row = rows.into_iter().map(|row| HeatRow {
        user_id: UserId::new(&row.user_id),
        username: row.username,
        total: unsigned(row.total),
        days: row.days.into_iter().map(Timestamp).zip(row.counts.into_iter().map(i32::unsigned_abs)).collect(),
    });
    Ok(row.collect())
}

/// See [`Visit::surprised_days`](crate::Visit::surprised_days).
pub(crate) async fn surprised_days(
    executor: impl PgExecutor<'_>,
    (org, detector): (&OrgId, &str),
    (from, to): (Timestamp, Timestamp),
    least: f64,
    after: Option<(Timestamp, &UserId)>,
    limit: u32,
) -> Result<Vec<SurprisedDay>> {
    // Without a page before it, the first one begins after an account with an empty id, which nobody has.
    let (last, user) = after.map_or((from, ""), |(day, user)| (day.max(from), user.as_str()));
    let found = sqlx::query!(
        r#"SELECT user_id, (extract(epoch FROM day) * 1000)::bigint AS "day!",
               (surprises ->> $2)::double precision AS "surprise!"
           FROM orgwatch.user_days
           WHERE org_id = $1 AND surprises IS NOT NULL AND day >= orgwatch.from_ms($3) AND day < orgwatch.from_ms($4)
               AND (surprises ->> $2)::double precision >= $5 AND (day, user_id) > (orgwatch.from_ms($3), $6)
           ORDER BY day, user_id LIMIT $7"#,
        org.as_str(),
        detector,
        last.0,
        to.0,
        least,
        &text(user),
        i64::from(limit)
    )
    .fetch_all(executor)
    .await
    .context("read surprises")?;
    let day =
        |row: (String, i64, f64)| SurprisedDay { user_id: UserId::new(&row.0), day: Timestamp(row.1), surprise: row.2 };
    Ok(found.into_iter().map(|row| day((row.user_id, row.day, row.surprise))).collect())
}

/// Writes days that have closed in a partition. Of a day that occurs more than once the last counts, and it replaces the
/// stored one.
pub(crate) async fn put(connection: &mut PgConnection, partition: i32, user_days: &[UserDay]) -> sqlx::Result<()> {
    let latest: BTreeMap<(&OrgId, &UserId, Timestamp), &UserDay> =
        user_days.iter().map(|closed| ((&closed.org_id, &closed.user_id, closed.day), closed)).collect();
    let latest: Vec<&UserDay> = latest.into_values().collect();
    for days in latest.chunks(CHUNK_DAYS) {
        let orgs = column(days, |d| d.org_id.as_str());
        let users = column(days, |d| d.user_id.as_str());
        let starts = column(days, |d| d.day.0);
        let names = column(days, |d| d.username.as_deref().map(text));
        let classes = column(days, |d| d.user_class.as_str());
        let last = column(days, |d| d.facts.last_at.0);
        let volumes = column(days, |d| volumes(&d.facts.volumes));
        let downloads = column(days, |d| integer(d.facts.downloads));
        let bytes = column(days, |d| big(d.facts.bytes));
        let written = column(days, |d| big(d.facts.written));
        let held = column(days, |d| d.facts.held);
        let [objects, scopes, reports, networks, clients, countries, apps] =
            FIRSTS.map(|what| column(days, |d| integer(d.facts.first_count(what))));
        let first_names = column(days, |d| first_names(&d.facts.firsts));
        let surprises = column(days, |d| surprises(&d.facts.surprises));
        let hours = column(days, |d| d.facts.hours.map(integer));
        let unjudged = column(days, |d| d.facts.unjudged.as_deref().map(unjudged));
        sqlx::query!(
            r#"INSERT INTO orgwatch.user_days (partition, org_id, user_id, day, username, user_class, last_at, volumes,
                   downloads, bytes, written, held, first_objects, first_scopes, first_reports, first_networks,
                   first_clients, first_countries, first_apps, first_names, surprises, hours, unjudged)
               SELECT $1, org_id, user_id, orgwatch.from_ms(day), username, user_class, orgwatch.from_ms(last_at), volumes,
                   downloads, bytes, written, held, first_objects, first_scopes, first_reports, first_networks,
                   first_clients, first_countries, first_apps, first_names, surprises, hours, unjudged
               FROM UNNEST($2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::jsonb[],
                   $9::integer[], $10::bigint[], $11::bigint[], $12::boolean[], $13::integer[], $14::integer[],
                   $15::integer[], $16::integer[], $17::integer[], $18::integer[], $19::integer[], $20::jsonb[],
                   $21::jsonb[], $22::integer[], $23::jsonb[])
                   AS t (org_id, user_id, day, username, user_class, last_at, volumes, downloads, bytes, written, held,
                   first_objects, first_scopes, first_reports, first_networks, first_clients, first_countries, first_apps,
                   first_names, surprises, hours, unjudged)
               ON CONFLICT (org_id, user_id, day) DO UPDATE SET
                   partition = EXCLUDED.partition, username = EXCLUDED.username, user_class = EXCLUDED.user_class,
                   last_at = EXCLUDED.last_at, volumes = EXCLUDED.volumes, downloads = EXCLUDED.downloads,
                   bytes = EXCLUDED.bytes, written = EXCLUDED.written, held = EXCLUDED.held,
                   first_objects = EXCLUDED.first_objects, first_scopes = EXCLUDED.first_scopes,
                   first_reports = EXCLUDED.first_reports, first_networks = EXCLUDED.first_networks,
                   first_clients = EXCLUDED.first_clients, first_countries = EXCLUDED.first_countries,
                   first_apps = EXCLUDED.first_apps, first_names = EXCLUDED.first_names,
                   surprises = EXCLUDED.surprises, hours = EXCLUDED.hours, unjudged = EXCLUDED.unjudged"#,
            partition,
            &orgs as &[&str],
            &users as &[&str],
            &starts,
            &names as &[Option<Cow<'_, str>>],
            &classes as &[&str],
            &last,
            &volumes,
            &downloads,
            &bytes,
            &written,
            &held,
            &objects,
            &scopes,
            &reports,
            &networks,
            &clients,
            &countries,
            &apps,
            &first_names as &[Option<Value>],
            &surprises as &[Option<Value>],
            &hours as &[Option<i32>],
            &unjudged as &[Option<Value>]
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// The kinds of first times, in the order of their columns.
const FIRSTS: [FirstOf; 7] = [
    FirstOf::Object,
    FirstOf::Scope,
    FirstOf::Report,
    FirstOf::Network,
    FirstOf::Client,
    FirstOf::Country,
    FirstOf::App,
];

struct Row {
    org_id: String,
    user_id: String,
    day: i64,
    username: Option<String>,
    user_class: String,
    last_at: i64,
    volumes: Value,
    downloads: i32,
    bytes: i64,
    written: i64,
    held: bool,
    first_objects: i32,
    first_scopes: i32,
    first_reports: i32,
    first_networks: i32,
    first_clients: i32,
    first_countries: i32,
    first_apps: i32,
    first_names: Option<Value>,
    surprises: Option<Value>,
    hours: Option<i32>,
    unjudged: Option<Value>,
}

impl TryFrom<Row> for UserDay {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        let counts = [
            row.first_objects,
            row.first_scopes,
            row.first_reports,
            row.first_networks,
            row.first_clients,
            row.first_countries,
            row.first_apps,
        ];
        let names = row.first_names.unwrap_or_default();
        let firsts = FIRSTS.into_iter().zip(counts).filter(|(_, count)| *count > 0);
        let firsts = firsts.map(|(what, count)| DayFirsts {
            what,
            count: count.unsigned_abs(),
            names: names.get(what.as_str()).map(texts).unwrap_or_default(),
        });
        let surprises = row.surprises.iter().filter_map(Value::as_object).flatten();
        Ok(Self {
            org_id: OrgId::new(&row.org_id),
            user_id: UserId::new(&row.user_id),
            day: Timestamp(row.day),
            username: row.username.map(Text::from),
            user_class: words::user_class(&row.user_class)?,
            facts: DayFacts {
                last_at: Timestamp(row.last_at),
                volumes: Surface::ALL.iter().filter_map(|surface| volume(*surface, &row.volumes)).collect(),
                downloads: row.downloads.unsigned_abs(),
                bytes: row.bytes.unsigned_abs(),
                written: row.written.unsigned_abs(),
                firsts: firsts.collect(),
                surprises: surprises
                    .filter_map(|(name, value)| {
                        Some(DaySurprise { detector: name.as_str().into(), surprise: value.as_f64()? })
                    })
                    .collect(),
                held: row.held,
                hours: row.hours.map(i32::unsigned_abs),
                unjudged: row.unjudged.as_ref().and_then(Value::as_object).map(reasons),
            },
        })
    }
}

/// What is beyond the column is its largest value: nobody counts as far.
fn integer(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn big(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn column<'a, V>(days: &[&'a UserDay], value: impl FnMut(&'a UserDay) -> V) -> Vec<V> {
    days.iter().copied().map(value).collect()
}
