//! Checkpoints: the behavioral state of a partition and the applied stream sequence, in one transaction.

use super::{Owner, Session, with_timeout};
use crate::Store;
use crate::convert::{bigint, unsigned};
use crate::decisions::{Effect, effects};
use crate::error::{Context, Result, StoreError};
use crate::user_days;
use model::{OrgId, UserDay};
use sqlx::Connection;

/// A piece of behavioral state. The store does not interpret its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateEntry {
    /// The org.
    pub org_id: OrgId,
    /// Unique within partition and org.
    pub key: String,
    /// The state.
    pub bytes: Vec<u8>,
}

/// The key of a piece of behavioral state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StateKey {
    /// The org.
    pub org_id: OrgId,
    /// As [`StateEntry::key`].
    pub key: String,
}

/// The most entries that one statement reads or writes. Like [`CHUNK_BYTES`] a choice that keeps statements far from the
/// statement timeout.
const CHUNK_ENTRIES: usize = 1_000;
/// The most bytes of state that one statement writes; a larger entry goes alone. A page that is read may have one entry
/// more.
const CHUNK_BYTES: usize = 4 << 20;

impl Store {
    /// Returns the state under these keys of an org as of the last checkpoint, by partition and key. Keys that do not
    /// exist are left out.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn state(&self, org: &OrgId, keys: &[String]) -> Result<Vec<(i32, StateEntry)>> {
        let found = sqlx::query!(
            r#"SELECT s.partition, s.key, s.bytes FROM orgwatch.checkpoints c
               JOIN orgwatch.baseline_state s ON s.partition = c.partition AND s.org_id = $1 AND s.key = ANY($2)
               ORDER BY s.partition, s.key"#,
            org.as_str(),
            keys
        );
        let rows = found.fetch_all(&self.pool).await.context("read state by its keys")?;
        let entry = |key, bytes| StateEntry { org_id: org.clone(), key, bytes };
        Ok(rows.into_iter().map(|row| (row.partition, entry(row.key, row.bytes))).collect())
    }
}

impl Owner {
    /// Returns the sequence up to which the stream is applied; `None` before the first checkpoint.
    ///
    /// # Errors
    /// If the session is lost.
    pub async fn load_checkpoint(&self, partition: i32) -> Result<Option<u64>> {
        let mut session = self.session.lock().await;
        let found = sqlx::query_scalar!("SELECT applied FROM orgwatch.checkpoints WHERE partition = $1", partition)
            .fetch_optional(&mut session.connection);
        Ok(with_timeout(self.answer_timeout, "read a checkpoint", found).await?.map(unsigned))
    }

    /// Returns the sequence up to which the stream has no messages of the partition beyond its checkpoint; `None` if that
    /// is not known.
    ///
    /// # Errors
    /// If the session is lost.
    pub async fn load_reached(&self, partition: i32) -> Result<Option<u64>> {
        let mut session = self.session.lock().await;
        let found = sqlx::query_scalar!("SELECT reached FROM orgwatch.checkpoints WHERE partition = $1", partition)
            .fetch_optional(&mut session.connection);
        let reached = with_timeout(self.answer_timeout, "read how far the stream was read", found).await?;
        Ok(reached.flatten().map(unsigned))
    }

    /// Stores the sequence of [`Owner::load_reached`]. Nothing is stored before the first checkpoint.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] if this session does not hold the partition; if the session is lost.
    pub async fn put_reached(&self, partition: i32, reached: u64) -> Result<()> {
        let sequence = bigint("sequence", reached)?;
        let mut session = self.session.lock().await;
        if !session.held.contains(&partition) {
            return Err(StoreError::Fenced { partition, applied: reached });
        }
        let stored =
            sqlx::query!("UPDATE orgwatch.checkpoints SET reached = $2 WHERE partition = $1", partition, sequence)
                .execute(&mut session.connection);
        with_timeout(self.answer_timeout, "store how far the stream was read", stored).await.map(drop)
    }

    /// Returns a page of the partition's state except keys that start with `except`, by org and key: what follows
    /// `after`. An empty page is the end. Other calls have their turn on the session between two pages.
    ///
    /// # Errors
    /// If the session is lost.
    pub async fn load_page(&self, partition: i32, except: &str, after: Option<&StateKey>) -> Result<Vec<StateEntry>> {
        let (org, key) = after.map_or(("", ""), |after| (after.org_id.as_str(), after.key.as_str()));
        let mut session = self.session.lock().await;
        // The size of a value is known without reading it.
        let found = sqlx::query_as!(
            Row,
            r#"SELECT p.org_id, p.key, p.bytes
               FROM (SELECT s.org_id, s.key, s.bytes, sum(octet_length(s.bytes)) OVER (
                         ORDER BY s.org_id, s.key ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
                     FROM (SELECT org_id, key, bytes FROM orgwatch.baseline_state
                           WHERE partition = $1 AND NOT starts_with(key, $2) AND (org_id, key) > ($3, $4)
                           ORDER BY org_id, key LIMIT $5) s) p
               WHERE p.before IS NULL OR p.before < $6
               ORDER BY p.org_id, p.key"#,
            partition,
            except,
            org,
            key,
            CHUNK_ENTRIES as i64,
            CHUNK_BYTES as i64
        )
        .fetch_all(&mut session.connection);
        let rows = with_timeout(self.answer_timeout, "read the state of a partition", found).await?;
        Ok(rows.into_iter().map(StateEntry::from).collect())
    }

    /// Returns the state under these keys of the org, by key. Keys that do not exist are left out.
    ///
    /// # Errors
    /// If the session is lost.
    pub async fn load_keys(&self, partition: i32, org: &OrgId, keys: &[String]) -> Result<Vec<StateEntry>> {
        let mut session = self.session.lock().await;
        let found = sqlx::query_as!(
            Row,
            r#"SELECT org_id, key, bytes FROM orgwatch.baseline_state
               WHERE partition = $1 AND org_id = $2 AND key = ANY($3) ORDER BY key"#,
            partition,
            org.as_str(),
            keys
        )
        .fetch_all(&mut session.connection);
        let rows = with_timeout(self.answer_timeout, "read state by its keys", found).await?;
        Ok(rows.into_iter().map(StateEntry::from).collect())
    }

    /// Deletes and writes state, writes which decisions took effect and which days of accounts closed since the last
    /// checkpoint, and moves the checkpoint to `applied`, in one transaction. Deletions come first. No key may be written
    /// twice, and no decision occur twice. Of a day that occurs more than once the last counts.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] if this session does not hold the partition, or a checkpoint beyond `applied` is stored.
    /// If the session is lost; whether the checkpoint was committed is then unknown.
    pub async fn checkpoint(
        &self,
        partition: i32,
        applied: u64,
        upserts: &[StateEntry],
        deletes: &[StateKey],
        effects: &[Effect],
        user_days: &[UserDay],
    ) -> Result<()> {
        let sequence = bigint("sequence", applied)?;
        let fence = StoreError::Fenced { partition, applied };
        let mut session = self.session.lock().await;
        if !session.held.contains(&partition) {
            return Err(fence);
        }
        let writes = Writes { upserts, deletes, effects, user_days };
        let written = self.write(&mut session, partition, sequence, writes);
        if written.await? { Ok(()) } else { Err(fence) }
    }

    /// Deletes all state of the partition, its checkpoint and its clocks, so that it starts again from the stream's start.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] if this session does not hold the partition; if the session is lost.
    pub async fn forget(&self, partition: i32) -> Result<()> {
        let mut session = self.session.lock().await;
        if !session.held.contains(&partition) {
            return Err(StoreError::Fenced { partition, applied: 0 });
        }
        let forgotten = async {
            let mut transaction = session.connection.begin().await?;
            sqlx::query!("DELETE FROM orgwatch.checkpoints WHERE partition = $1", partition)
                .execute(&mut *transaction)
                .await?;
            sqlx::query!("DELETE FROM orgwatch.baseline_state WHERE partition = $1", partition)
                .execute(&mut *transaction)
                .await?;
            sqlx::query!("DELETE FROM orgwatch.org_clocks WHERE partition = $1", partition)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await
        };
        with_timeout(self.answer_timeout, "forget the state of a partition", forgotten).await
    }

    /// Deletes the partition's state and clock of an org, and returns the number of deleted records of state. The checkpoint stays.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] if this session does not hold the partition; if the session is lost.
    pub async fn forget_org(&self, partition: i32, org: &OrgId) -> Result<u64> {
        let mut session = self.session.lock().await;
        if !session.held.contains(&partition) {
            return Err(StoreError::Fenced { partition, applied: 0 });
        }
        let deleted = sqlx::query!(
            "WITH clock AS (DELETE FROM orgwatch.org_clocks WHERE partition = $1 AND org_id = $2)
             DELETE FROM orgwatch.baseline_state WHERE partition = $1 AND org_id = $2",
            partition,
            org.as_str()
        )
        .execute(&mut session.connection);
        Ok(with_timeout(self.answer_timeout, "forget the state of an org", deleted).await?.rows_affected())
    }

    /// Writes a checkpoint. `false`, and nothing is written, if it is fenced.
    async fn write(
        &self,
        session: &mut Session,
        partition: i32,
        applied: i64,
        Writes { upserts, deletes, effects, user_days }: Writes<'_>,
    ) -> Result<bool> {
        let begun = session.connection.begin();
        let mut transaction = with_timeout(self.answer_timeout, "begin a checkpoint", begun).await?;
        // The server checks the lock as well: behind a pooler in transaction mode another session could hold it.
        let moved = sqlx::query!(
            r#"INSERT INTO orgwatch.checkpoints (partition, applied)
               SELECT $1, $2 WHERE EXISTS (
                   SELECT FROM pg_locks l
                   WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted AND l.pid = pg_backend_pid()
                     AND l.classid::bigint = ($3::integer::bigint & 4294967295)
                     AND l.objid::bigint = ($1::integer::bigint & 4294967295))
               ON CONFLICT (partition) DO UPDATE SET applied = EXCLUDED.applied, updated_at = now()
               WHERE checkpoints.applied <= EXCLUDED.applied"#,
            partition,
            applied,
            self.classes.partition
        )
        .execute(&mut *transaction);
        if with_timeout(self.answer_timeout, "move a checkpoint", moved).await?.rows_affected() == 0 {
            with_timeout(self.answer_timeout, "roll a checkpoint back", transaction.rollback()).await?;
            return Ok(false);
        }
        for chunk in deletes.chunks(CHUNK_ENTRIES) {
            let orgs: Vec<&str> = chunk.iter().map(|key| key.org_id.as_str()).collect();
            let keys: Vec<&str> = chunk.iter().map(|key| key.key.as_str()).collect();
            let deleted = sqlx::query!(
                r#"DELETE FROM orgwatch.baseline_state s
                   USING UNNEST($2::text[], $3::text[]) AS gone (org_id, key)
                   WHERE s.partition = $1 AND s.org_id = gone.org_id AND s.key = gone.key"#,
                partition,
                &orgs as &[&str],
                &keys as &[&str]
            )
            .execute(&mut *transaction);
            with_timeout(self.answer_timeout, "delete state", deleted).await?;
        }
        for chunk in chunks(upserts) {
            let orgs: Vec<&str> = chunk.iter().map(|entry| entry.org_id.as_str()).collect();
            let keys: Vec<&str> = chunk.iter().map(|entry| entry.key.as_str()).collect();
            let bytes: Vec<&[u8]> = chunk.iter().map(|entry| entry.bytes.as_slice()).collect();
            let written = sqlx::query!(
                r#"INSERT INTO orgwatch.baseline_state (partition, org_id, key, bytes)
                   SELECT $1, org_id, key, bytes FROM UNNEST($2::text[], $3::text[], $4::bytea[]) AS t (org_id, key, bytes)
                   ON CONFLICT (partition, org_id, key) DO UPDATE SET bytes = EXCLUDED.bytes"#,
                partition,
                &orgs as &[&str],
                &keys as &[&str],
                &bytes as &[&[u8]]
            )
            .execute(&mut *transaction);
            with_timeout(self.answer_timeout, "write state", written).await?;
        }
        if !effects.is_empty() {
            let put = effects::put(&mut *transaction, partition, effects);
            with_timeout(self.answer_timeout, "write when decisions took effect", put).await?;
        }
        if !user_days.is_empty() {
            let put = user_days::put(&mut transaction, partition, user_days);
            with_timeout(self.answer_timeout, "write the days of accounts", put).await?;
        }
        with_timeout(self.answer_timeout, "commit a checkpoint", transaction.commit()).await?;
        Ok(true)
    }
}

/// What a checkpoint writes and deletes.
#[derive(Clone, Copy)]
struct Writes<'a> {
    upserts: &'a [StateEntry],
    deletes: &'a [StateKey],
    effects: &'a [Effect],
    user_days: &'a [UserDay],
}

struct Row {
    org_id: String,
    key: String,
    bytes: Vec<u8>,
}

impl From<Row> for StateEntry {
    fn from(row: Row) -> Self {
        Self { org_id: OrgId::new(&row.org_id), key: row.key, bytes: row.bytes }
    }
}

/// Splits entries into consecutive runs within both limits; an entry above [`CHUNK_BYTES`] goes alone.
fn chunks(entries: &[StateEntry]) -> impl Iterator<Item = &[StateEntry]> {
    let mut rest = entries;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |entry: &&StateEntry| {
            bytes += entry.bytes.len();
            bytes <= CHUNK_BYTES
        };
        let count = rest.iter().take(CHUNK_ENTRIES).take_while(fits).count();
        let (chunk, after) = rest.split_at_checked(count.max(1))?;
        rest = after;
        Some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(size: usize) -> StateEntry {
        StateEntry { org_id: OrgId::new("org"), key: "key".into(), bytes: vec![0; size] }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn chunks_keep_order_and_limits(sizes in prop::collection::vec(prop_oneof![9 => 0usize..100, 1 => 1usize << 20..5 << 20], 0..20), repeat in 1usize..80) {
            let entries: Vec<StateEntry> = sizes.iter().flat_map(|size| {
                // Only small entries are repeated, which bounds the test's memory.
                std::iter::repeat_n(entry(*size), if *size < 100 { repeat } else { 1 })
            }).collect();
            let all: Vec<&[StateEntry]> = chunks(&entries).collect();
            prop_assert!(all.concat() == entries);
            for chunk in all {
                prop_assert!(!chunk.is_empty() && chunk.len() <= CHUNK_ENTRIES);
                let bytes: usize = chunk.iter().map(|entry| entry.bytes.len()).sum();
                prop_assert!(chunk.len() == 1 || bytes <= CHUNK_BYTES);
            }
        }
    }
}
