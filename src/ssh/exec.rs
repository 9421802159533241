//! Running one command on a session: its input, its lines, its end.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use super::command::{ExitStatus, Pipe, RemoteCommand};
use super::connect::OPEN_CHANNEL;
use super::error::Operation;
use super::lines::Output;
use super::{Session, SshError};
use crate::fleet::text::clean_line;
use crate::retry::{CLOSING, CLOSING_TIMEOUT};

/// How many of a command's last lines its error keeps.
const LAST_LINES: usize = 20;
/// No byte for so long is a cut, whatever the connection says.
const SILENCE: Duration = Duration::from_mins(1);
/// The number that SSH gives to standard error (RFC 4254, section 5.2).
const STDERR: u32 = 1;

/// The last lines that a command printed: mostly they say why it failed.
#[derive(Debug, Default)]
pub struct LastLines(VecDeque<String>);

impl LastLines {
    /// One more; the oldest makes room.
    pub fn push(&mut self, line: &str) {
        if self.0.len() == LAST_LINES {
            self.0.pop_front();
        }
        self.0.push_back(line.to_owned());
    }

    /// So many of the newest, oldest first.
    pub fn newest(&self, count: usize) -> Vec<&str> {
        self.iter().skip(self.0.len().saturating_sub(count)).collect()
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl Session {
    /// Runs a command and tells of each line that it prints, cleaned and cut to 8 KiB.
    ///
    /// At the end of its time, and when the future is dropped, the command is sent TERM and its
    /// channel is closed; the session can be used on.
    pub async fn exec(
        &self,
        command: &RemoteCommand,
        mut on_line: impl FnMut(Pipe, &str),
    ) -> Result<ExitStatus, SshError> {
        let mut output = Output::default();
        let talk = async {
            let running = self.start(Operation::RemoteCommand, command).await?;
            let writer = running.writer.clone();
            let feed = async move {
                if writer.send(command.stdin.clone()).await {
                    writer.finish().await;
                }
                Ok(())
            };
            self.converse(running, feed, |pipe, bytes| output.push(pipe, bytes, &mut on_line)).await
        };
        let ended = timeout(command.limit, talk).await;
        output.finish(&mut on_line);
        ended.unwrap_or_else(|_| {
            Err(SshError::TimedOut {
                operation: Operation::RemoteCommand,
                target: self.target.clone(),
                after: command.limit,
            })
        })
    }

    /// Like [`Session::exec`], for a command that has to end with exit status 0. The error keeps
    /// its last lines. `purpose` names the command in the error.
    pub async fn run(
        &self,
        purpose: &str,
        command: &RemoteCommand,
        mut on_line: impl FnMut(Pipe, &str),
    ) -> Result<(), SshError> {
        let mut last = LastLines::default();
        let exit = self
            .exec(command, |pipe, line| {
                last.push(line);
                on_line(pipe, line);
            })
            .await?;
        if exit.is_success() {
            return Ok(());
        }
        Err(SshError::RemoteExit {
            command: purpose.to_owned(),
            target: self.target.clone(),
            exit,
            last: last.0.into(),
        })
    }

    /// Sees a command to its end: `feed` writes its input while `on_bytes` is told what it
    /// prints. The reader decides when it is over; a writer that waits for a window is never
    /// woken by a far side that went away.
    pub(super) async fn converse(
        &self,
        mut running: Running,
        feed: impl Future<Output = Result<(), SshError>>,
        mut on_bytes: impl FnMut(Pipe, &[u8]),
    ) -> Result<ExitStatus, SshError> {
        let mut feed = pin!(feed);
        let (mut is_fed, mut exit, mut left) = (false, None, running.most);
        let flooded = || SshError::Flooded { target: self.target.clone(), most: running.most };
        let mut print = |pipe, bytes: &[u8]| {
            on_bytes(pipe, bytes);
            left = left.checked_sub(bytes.len() as u64).ok_or_else(flooded)?;
            Ok::<(), SshError>(())
        };
        loop {
            tokio::select! {
                message = running.reader.wait() => match message {
                    Some(ChannelMsg::Data { data }) => print(Pipe::Out, &data)?,
                    Some(ChannelMsg::ExtendedData { data, ext: STDERR }) => {
                        print(Pipe::Err, &data)?;
                    }
                    Some(ChannelMsg::ExitStatus { exit_status }) => {
                        exit = Some(ExitStatus::Code(exit_status));
                    }
                    Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                        exit = Some(ExitStatus::Signal(signal_word(&signal_name)));
                    }
                    Some(ChannelMsg::Failure) => {
                        return Err(self.denied(running.operation, "the server did not start it"));
                    }
                    None | Some(ChannelMsg::Close) => break,
                    Some(_) => {}
                },
                end = &mut feed, if !is_fed => {
                    end?;
                    is_fed = true;
                }
            }
        }
        exit.ok_or_else(|| self.cut(running.operation))
    }

    /// Passes on what a command prints, as fast as it is taken: it waits while nobody reads. Ends well
    /// as soon as nobody does any more.
    pub(super) async fn stream(
        &self,
        command: &RemoteCommand,
        out: mpsc::Sender<Bytes>,
    ) -> Result<(), SshError> {
        let mut running = self.start(Operation::RemoteCommand, command).await?;
        let writer = running.writer.clone();
        let feed = async move {
            if writer.send(command.stdin.clone()).await {
                writer.finish().await;
            }
        };
        let mut feed = pin!(feed);
        let (mut is_fed, mut exit) = (false, None);
        loop {
            let message = tokio::select! {
                message = timeout(SILENCE, running.reader.wait()) => message,
                () = &mut feed, if !is_fed => {
                    is_fed = true;
                    continue;
                }
            };
            match message.map_err(|_| self.silent())? {
                Some(ChannelMsg::Data { data }) => {
                    if out.send(data).await.is_err() {
                        return Ok(());
                    }
                }
                Some(ChannelMsg::ExitStatus { exit_status }) => exit = Some(exit_status),
                Some(ChannelMsg::Failure) => {
                    return Err(self.denied(running.operation, "the server did not start it"));
                }
                None | Some(ChannelMsg::Close) => break,
                Some(_) => {}
            }
        }
        exit.map(drop).ok_or_else(|| self.cut(running.operation))
    }

    fn silent(&self) -> SshError {
        let reason = format!("no byte came for {} s", SILENCE.as_secs());
        let (operation, target) = (Operation::RemoteCommand, self.target.clone());
        SshError::Cut { operation, target, reason }
    }

    /// Starts a command on a channel of its own.
    pub(super) async fn start(
        &self,
        operation: Operation,
        command: &RemoteCommand,
    ) -> Result<Running, SshError> {
        let deadline = Instant::now() + CLOSING_TIMEOUT;
        let mut backoff = CLOSING.backoff();
        loop {
            let opening = async {
                let (reader, writer) = self.handle.channel_open_session().await?.split();
                let writer = Writer(Arc::new(writer));
                let running = Running { operation, most: command.most, reader, writer };
                running.writer.0.exec(true, command.line.as_str()).await?;
                Ok(running)
            };
            match timeout(OPEN_CHANNEL, opening).await {
                Ok(Ok(running)) => return Ok(running),
                // `MaxSessions`, while the far side has not closed the last session.
                Ok(Err(russh::Error::ChannelOpenFailure(_))) if Instant::now() < deadline => {
                    sleep(backoff.pause()).await;
                }
                Ok(Err(russh::Error::ChannelOpenFailure(why))) => {
                    return Err(self.denied(operation, &clean_line(&format!("{why:?}"))));
                }
                Ok(Err(_)) => return Err(self.cut(operation)),
                Err(_) => {
                    let (target, after) = (self.target.clone(), OPEN_CHANNEL);
                    return Err(SshError::TimedOut { operation, target, after });
                }
            }
        }
    }

    fn denied(&self, operation: Operation, reason: &str) -> SshError {
        SshError::Denied { operation, target: self.target.clone(), reason: reason.to_owned() }
    }

    fn cut(&self, operation: Operation) -> SshError {
        let reason = if self.handle.is_closed() {
            self.notes.why_ended()
        } else {
            "the channel was closed without an exit status".into()
        };
        SshError::Cut { operation, target: self.target.clone(), reason }
    }
}

fn signal_word(signal: &Sig) -> String {
    match signal {
        Sig::Custom(name) => clean_line(name),
        known => format!("{known:?}"),
    }
}

/// The writing half of a command's channel.
#[derive(Clone)]
pub(super) struct Writer(Arc<ChannelWriteHalf<Msg>>);

impl Writer {
    /// Sends bytes as the far side's window lets them through. False when nobody reads any more;
    /// the reader knows why.
    pub(super) async fn send(&self, bytes: Bytes) -> bool {
        self.0.data_bytes(bytes).await.is_ok()
    }

    /// Tells the far side that nothing follows.
    pub(super) async fn finish(&self) {
        // A far side that is gone needs no end of file.
        let _ = self.0.eof().await;
    }
}

/// A command that was started. When it is dropped, the command is ended and its channel closed:
/// russh does not close a channel that is dropped, and the far side would go on for ever.
pub(super) struct Running {
    operation: Operation,
    most: u64,
    reader: ChannelReadHalf,
    pub(super) writer: Writer,
}

impl Drop for Running {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let writer = self.writer.clone();
        runtime.spawn(async move {
            // Best effort. After the command's own end both find nothing to do; OpenSSH passes
            // TERM on since version 8.
            let _ = writer.0.signal(Sig::TERM).await;
            let _ = writer.0.close().await;
        });
    }
}
