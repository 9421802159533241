//! A program on a channel: what it reads, what it prints, how it ends.
//!
//! The channel is read as long as it is open, whether the program wants input or not: one that is
//! not read stalls the whole connection.

use std::sync::Arc;

use bytes::Bytes;
use russh::server::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use tokio::sync::mpsc;

/// The number that SSH gives to standard error (RFC 4254, section 5.2).
const STDERR: u32 = 1;
/// Ended by TERM, as a shell counts it.
const TERMINATED: u32 = 128 + 15;

/// How a program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With this exit status.
    Exit(u32),
    /// Together with its machine or its connection: nobody is told.
    Gone,
}

/// What a program reads. Dropping it throws the rest away.
pub(super) struct Stdin(mpsc::Receiver<Bytes>);

impl Stdin {
    /// The next bytes; `None` at the end.
    pub(super) async fn read(&mut self) -> Option<Bytes> {
        self.0.recv().await
    }
}

/// What a program prints. When nobody reads any more, it is lost.
pub(super) struct Output {
    channel: Arc<ChannelWriteHalf<Msg>>,
    /// Whether a terminal shows it: then a new line takes a return as well.
    is_terminal: bool,
}

impl Output {
    /// Prints a line on standard output.
    pub(super) async fn line(&self, text: &str) {
        self.text(format!("{text}\n")).await;
    }

    /// Prints a text on standard output as it is.
    pub(super) async fn text(&self, text: String) {
        let text = if self.is_terminal { text.replace('\n', "\r\n") } else { text };
        self.bytes(text.into()).await;
    }

    /// Prints bytes on standard output as they are.
    pub(super) async fn bytes(&self, bytes: Bytes) {
        let _ = self.channel.data_bytes(bytes).await;
    }

    /// Whether it is shown on a terminal.
    pub(super) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Prints a line on standard error.
    pub(super) async fn complain(&self, text: &str) {
        if self.is_terminal {
            // A terminal has one stream for both.
            return self.line(text).await;
        }
        let _ = self.channel.extended_data_bytes(STDERR, format!("{text}\n")).await;
    }
}

/// Runs a program until it or its client ends it.
pub(super) async fn run<F>(
    channel: Channel<Msg>,
    is_terminal: bool,
    program: impl FnOnce(Stdin, Output) -> F,
) where
    F: Future<Output = End>,
{
    let (mut reader, writer) = channel.split();
    let writer = Arc::new(writer);
    let (feed, stdin) = mpsc::channel(1);
    let output = Output { channel: Arc::clone(&writer), is_terminal };
    let program = program(Stdin(stdin), output);
    let end = tokio::select! {
        end = program => end,
        end = listen(&mut reader, feed) => end,
    };
    // Whoever still sends must not wait for a reader.
    drop(reader);
    if let End::Exit(code) = end {
        // Best effort: the client may be gone.
        let _ = writer.exit_status(code).await;
        let _ = writer.eof().await;
        let _ = writer.close().await;
    }
}

/// Passes input on, and ends when the client ends the program.
async fn listen(reader: &mut ChannelReadHalf, feed: mpsc::Sender<Bytes>) -> End {
    let mut feed = Some(feed);
    loop {
        match reader.wait().await {
            Some(ChannelMsg::Data { data }) => {
                if let Some(open) = &feed
                    && open.send(data).await.is_err()
                {
                    feed = None;
                }
            }
            Some(ChannelMsg::Eof) => feed = None,
            Some(ChannelMsg::Signal { signal: Sig::TERM }) => return End::Exit(TERMINATED),
            Some(ChannelMsg::Close) | None => return End::Gone,
            Some(_) => {}
        }
    }
}
