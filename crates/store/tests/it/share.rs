use crate::support::Database;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::Share;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const NUMBERS: u16 = 8;
const PATIENCE: Duration = Duration::from_secs(8);

/// Who works on which number; nobody may work on one that another works on.
type Running = Arc<Mutex<BTreeMap<u16, &'static str>>>;

struct Replica {
    held: watch::Receiver<usize>,
    /// Ends one piece of work by itself.
    tire: Arc<Notify>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Replica {
    fn start(database: &Database, name: &'static str, member: i32, running: &Running) -> Self {
        let share = Share {
            settings: database.settings(),
            application: name,
            namespace: "test".into(),
            member,
            numbers: NUMBERS,
            interval: Duration::from_millis(20),
        };
        let (sender, held) = watch::channel(0);
        let (tire, shutdown) = (Arc::new(Notify::new()), CancellationToken::new());
        let (running, tired, stop) = (Arc::clone(running), Arc::clone(&tire), shutdown.clone());
        let task = tokio::spawn(async move {
            let begin = |_owner| {
                let (running, tired) = (Arc::clone(&running), Arc::clone(&tired));
                move |number, stop: CancellationToken| {
                    let (running, tired) = (Arc::clone(&running), Arc::clone(&tired));
                    async move {
                        assert_eq!(running.lock().unwrap().insert(number, name), None, "{number} runs twice");
                        tokio::select! {
                            () = stop.cancelled() => {}
                            () = tired.notified() => {}
                        }
                        running.lock().unwrap().remove(&number);
                    }
                }
            };
            share.keep(&stop, begin, |count| drop(sender.send_replace(count))).await;
        });
        Self { held, tire, shutdown, task }
    }

    async fn holds(&mut self, count: usize) {
        tokio::time::timeout(PATIENCE, self.held.wait_for(|held| *held == count)).await.unwrap().unwrap();
    }

    async fn end(self) {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn replicas_share_evenly_and_what_one_loses_others_take() {
    let (database, _store) = Database::migrated().await;
    let running = Running::default();
    let mut a = Replica::start(&database, "a", 1, &running);
    a.holds(8).await;
    // The same member: one of them has to take another name.
    let mut b = Replica::start(&database, "b", 1, &running);
    tokio::join!(a.holds(4), b.holds(4));

    database.terminate("b").await;
    b.holds(0).await;
    tokio::join!(a.holds(4), b.holds(4));

    b.end().await;
    a.holds(8).await;
    assert_eq!(running.lock().unwrap().len(), 8);
    a.end().await;
    assert!(running.lock().unwrap().is_empty(), "all work has ended");
}

#[tokio::test]
async fn work_that_ends_by_itself_is_begun_anew() {
    let (database, _store) = Database::migrated().await;
    let running = Running::default();
    let mut a = Replica::start(&database, "a", 1, &running);
    a.holds(8).await;
    a.tire.notify_waiters();
    let all = async {
        while running.lock().unwrap().len() < 8 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap();
    a.end().await;
}
