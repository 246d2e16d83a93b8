use crate::support::Database;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::{Owner, Share};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const NUMBERS: u16 = 8;
const TIMEOUT: Duration = Duration::from_secs(8);

/// The work of all replicas.
#[derive(Default)]
struct Board {
    /// How many tasks run, by number.
    running: BTreeMap<u16, usize>,
    /// The most tasks that ever ran on one number at the same time.
    most: usize,
    /// How many tasks were started.
    started: usize,
}

impl Board {
    fn start(&mut self, number: u16) {
        let running = self.running.entry(number).or_default();
        *running += 1;
        self.most = self.most.max(*running);
        self.started += 1;
    }

    fn end(&mut self, number: u16) {
        *self.running.get_mut(&number).unwrap() -= 1;
    }

    fn running(&self) -> usize {
        self.running.values().sum()
    }
}

struct Replica {
    held: watch::Receiver<usize>,
    /// Ends all work before its token is cancelled.
    finish: Arc<Notify>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Replica {
    fn start(database: &Database, name: &'static str, member: i32, board: &Arc<Mutex<Board>>) -> Self {
        let share = Share {
            settings: database.settings(),
            application: name,
            namespace: "test".into(),
            member,
            numbers: NUMBERS,
            interval: Duration::from_millis(20),
        };
        let (sender, held) = watch::channel(0);
        let (finish, shutdown) = (Arc::new(Notify::new()), CancellationToken::new());
        let (board, finished, stop) = (Arc::clone(board), Arc::clone(&finish), shutdown.clone());
        let task = tokio::spawn(async move {
            let begin = |_owner| {
                let (board, finished) = (Arc::clone(&board), Arc::clone(&finished));
                move |number, stop: CancellationToken| {
                    let (board, finished) = (Arc::clone(&board), Arc::clone(&finished));
                    async move {
                        board.lock().unwrap().start(number);
                        tokio::select! {
                            () = stop.cancelled() => {}
                            () = finished.notified() => {}
                        }
                        board.lock().unwrap().end(number);
                    }
                }
            };
            let held = |count| {
                sender.send_replace(count);
            };
            share.keep(&stop, begin, held).await;
        });
        Self { held, finish, shutdown, task }
    }

    async fn until_it_holds(&mut self, count: usize) {
        tokio::time::timeout(TIMEOUT, self.held.wait_for(|held| *held == count)).await.unwrap().unwrap();
    }

    async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(TIMEOUT, self.task).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn replicas_share_evenly_and_never_work_on_the_same_number() {
    let (database, _store) = Database::migrated().await;
    let board = Arc::default();
    let mut a = Replica::start(&database, "a", 1, &board);
    a.until_it_holds(8).await;
    // Both have the same member number: the second has to choose another.
    let mut b = Replica::start(&database, "b", 1, &board);
    tokio::join!(a.until_it_holds(4), b.until_it_holds(4));
    b.stop().await;
    a.until_it_holds(8).await;
    assert_eq!(board.lock().unwrap().running(), 8);
    a.stop().await;
    let board = board.lock().unwrap();
    assert_eq!((board.running(), board.most), (0, 1));
}

#[tokio::test]
async fn other_replicas_acquire_the_numbers_of_a_lost_session() {
    let (database, _store) = Database::migrated().await;
    let board = Arc::default();
    let mut a = Replica::start(&database, "a", 1, &board);
    a.until_it_holds(8).await;
    database.terminate("a").await;
    a.until_it_holds(0).await;
    assert_eq!(board.lock().unwrap().running(), 0, "all work of the session has ended");
    let mut b = Replica::start(&database, "b", 2, &board);
    tokio::join!(a.until_it_holds(4), b.until_it_holds(4));
    a.stop().await;
    b.until_it_holds(8).await;
    b.stop().await;
}

#[tokio::test]
async fn work_that_ends_early_is_started_again() {
    let (database, _store) = Database::migrated().await;
    let board: Arc<Mutex<Board>> = Arc::default();
    let mut a = Replica::start(&database, "a", 1, &board);
    a.until_it_holds(8).await;
    let started = async |count| {
        while board.lock().unwrap().started < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(TIMEOUT, started(8)).await.unwrap();
    a.finish.notify_waiters();
    tokio::time::timeout(TIMEOUT, started(16)).await.unwrap();
    a.stop().await;
    assert_eq!(board.lock().unwrap().most, 1);
}

#[tokio::test]
async fn a_requested_number_is_released_and_acquired_again() {
    let (database, _store) = Database::migrated().await;
    let board: Arc<Mutex<Board>> = Arc::default();
    let mut a = Replica::start(&database, "a", 1, &board);
    a.until_it_holds(8).await;
    let operator = Owner::connect_as_nonmember(&database.settings(), "operator", "test").await.unwrap();
    assert!(operator.take_over(5, TIMEOUT).await.unwrap());
    assert_eq!(operator.held().await.unwrap(), [5]);
    assert_eq!(board.lock().unwrap().running[&5], 0, "released only after its work ended");
    a.until_it_holds(7).await;
    // A second replica acquires its share without the number that the operator holds.
    let mut b = Replica::start(&database, "b", 2, &board);
    tokio::join!(a.until_it_holds(4), b.until_it_holds(3));
    operator.close().await.unwrap();
    tokio::join!(a.until_it_holds(4), b.until_it_holds(4));
    assert_eq!(board.lock().unwrap().running(), 8);

    let stubborn = Owner::connect(&database.settings(), "stubborn", "alone", 1).await.unwrap();
    assert!(stubborn.try_acquire(5).await.unwrap());
    let operator = Owner::connect_as_nonmember(&database.settings(), "operator", "alone").await.unwrap();
    assert!(!operator.take_over(5, Duration::from_millis(300)).await.unwrap());
    a.stop().await;
    b.stop().await;
}
