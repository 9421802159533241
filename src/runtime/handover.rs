//! Handing over a state, between two processes of one user on one machine: who holds the lock listens at
//! a socket beside it; who wants it connects and waits. The holder ends what it is at, lets go, and
//! says so; the other one opens anew and takes the lock. A wish is withdrawn by going.

use std::future;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::exit_code::ExitCode;
use super::service_manager::ServiceManager;
use super::signals::Signals;
use super::stop::Stop;
use crate::app::Message;
use crate::store::{Lock, Paths};

/// What the holder says when it has let go.
const GIVEN: &[u8] = b"given\n";
/// How long one waits for that: longer than the holder takes to end what it is at.
const PATIENCE: Duration = Duration::from_secs(45);
/// How long the other one may take to open anew, before who has let go takes it again.
const TAKEN: Duration = Duration::from_secs(20);
/// Between two looks at the lock while it is on its way.
const GLANCE: Duration = Duration::from_millis(50);
/// Between two tries of who waits until it is free.
const TRY: Duration = Duration::from_secs(1);

/// Both sides of it: what this process is asked, and what it asks.
#[derive(Debug, Default)]
pub(super) struct Handover {
    port: Option<Port>,
    asker: Option<Asker>,
    /// The state that another process holds.
    held: Option<Paths>,
    asking: Option<JoinHandle<Result<(), String>>>,
}

/// Where the holder listens. The file goes with it, while the lock is still held.
#[derive(Debug)]
struct Port {
    listener: UnixListener,
    path: PathBuf,
}

impl Drop for Port {
    fn drop(&mut self) {
        // If it stays, nobody answers there, and the next holder takes its place.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Who waits for the state.
#[derive(Debug)]
pub(super) struct Asker(UnixStream);

impl Handover {
    /// From now on the state is handed over to whoever of the same user asks. To be called by who
    /// holds the lock: what is left of an earlier holder's socket is nobody's.
    pub(super) fn listen(&mut self, paths: &Paths) {
        match bind(paths.handover()) {
            Ok(port) => self.port = Some(port),
            // A path that is too long for a socket, for one. Whoever asks is told.
            Err(error) => tracing::warn!(%error, "nobody can ask for this state"),
        }
    }

    /// The state of these files is another process's.
    pub(super) fn may_ask(&mut self, paths: Paths) {
        self.held = Some(paths);
    }

    /// Asks who holds the lock to let go of it: [`Message::StateGiven`] tells what came of it.
    pub(super) fn ask(&mut self) {
        if let (None, Some(paths)) = (&self.asking, &self.held) {
            self.asking = Some(tokio::spawn(ask(paths.clone())));
        }
    }

    /// Who waits until this process lets go.
    pub(super) fn take_asker(&mut self) -> Option<Asker> {
        self.asker.take()
    }

    /// The next news of either side. Cancel-safe.
    pub(super) async fn next(&mut self) -> Message {
        let Self { port, asker, asking, .. } = self;
        tokio::select! {
            (stream, by) = accept(port.as_ref()) => {
                *asker = Some(Asker(stream));
                Message::StateWanted { by }
            }
            given = answered(asking) => Message::StateGiven(given),
        }
    }
}

fn bind(path: PathBuf) -> io::Result<Port> {
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    let port = Port { listener, path };
    std::fs::set_permissions(&port.path, std::fs::Permissions::from_mode(0o600))?;
    Ok(port)
}

/// The next who asks, and what it is called. Pends where nobody can.
async fn accept(port: Option<&Port>) -> (UnixStream, String) {
    let Some(port) = port else { return future::pending().await };
    let own = rustix::process::geteuid().as_raw();
    loop {
        let Ok((stream, _)) = port.listener.accept().await else {
            // Out of file descriptors, for one: the next connection may do.
            sleep(GLANCE).await;
            continue;
        };
        // The file's mode keeps others out; between the socket and its mode there is a moment.
        let Some(peer) = stream.peer_cred().ok().filter(|peer| peer.uid() == own) else { continue };
        let by =
            peer.pid().map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
        return (stream, by);
    }
}

/// What came of what was asked. Pends while nothing is.
async fn answered(asking: &mut Option<JoinHandle<Result<(), String>>>) -> Result<(), String> {
    let Some(task) = asking else { return future::pending().await };
    let answer = task.await;
    *asking = None;
    answer.unwrap_or_else(|panic| Err(panic.to_string()))
}

async fn ask(paths: Paths) -> Result<(), String> {
    let asked = timeout(PATIENCE, async {
        let stream = UnixStream::connect(paths.handover()).await?;
        let mut answer = Vec::new();
        stream.take(64).read_to_end(&mut answer).await?;
        Ok::<bool, io::Error>(answer == GIVEN)
    });
    match asked.await {
        Ok(Ok(true)) => Ok(()),
        // It ended meanwhile, in whatever way: who opens now gets the state.
        _ if !Lock::is_held(&paths) => Ok(()),
        Ok(Ok(false)) => Err("its holder went on".to_owned()),
        Ok(Err(error)) => Err(format!("its holder cannot be asked ({error}): end it")),
        Err(_) => Err(format!(
            "its holder has not let go in {} s: ask again, or end it",
            PATIENCE.as_secs()
        )),
    }
}

impl Asker {
    /// Says that the state is free, once the lock is let go of, and waits until it is taken; not for
    /// one that has gone.
    pub(super) async fn give(mut self, paths: &Paths) {
        if self.0.write_all(GIVEN).await.is_err() || self.0.shutdown().await.is_err() {
            return;
        }
        let end = Instant::now() + TAKEN;
        let is_taken = || Lock::named(paths).is_some_and(|holder| !holder.is_this_process());
        while !is_taken() && Instant::now() < end {
            sleep(GLANCE).await;
        }
    }
}

/// What this machine is called.
pub(super) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Waits until nobody holds the state any more, or somebody ends this process.
///
/// While it goes from one to another it is free for a moment: whoever is named in the lock and lives
/// passes it on, and has the precedence. Only one that is named and does not hold it for long is
/// another process with the same number.
pub(super) async fn wait_until_free(paths: &Paths) -> Result<(), Stop> {
    let mut signals = Signals::listen()?;
    let mut manager = ServiceManager::of_environment();
    let mut passed_on_since = None;
    loop {
        let named = Lock::named(paths).filter(|holder| !holder.is_this_process());
        match &named {
            None if Lock::is_free(paths) => return Ok(()),
            Some(_) if Lock::is_free(paths) => {
                let since = *passed_on_since.get_or_insert_with(Instant::now);
                if since.elapsed() > 2 * TAKEN {
                    return Ok(());
                }
            }
            _ => passed_on_since = None,
        }
        manager.step(|| named.map_or_else(String::new, |holder| format!("waits for {holder}")));
        tokio::select! {
            () = sleep(TRY) => {}
            _ = signals.next() => return Err(Stop::Left(ExitCode::INTERRUPTED)),
        }
    }
}
