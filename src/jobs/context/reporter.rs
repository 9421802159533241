//! The one stream on which jobs report, in two lanes.
//!
//! Transitions (phases, facts, sentences, the end) are awaited and never lost. Chatter (remote
//! lines, byte counts) is dropped when the loop cannot keep up, and what was dropped is counted.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::aws::{SharedTimeSource, time_at};
use crate::fleet::vitals::Vitals;
use crate::fleet::{
    InstanceKey, InstanceNews, JobId, JobNews, Level, Machine, News, Phase, Region, RegionNews,
    Report, Transfer,
};

/// Reports that may wait for the loop. Awaited when full.
const TRANSITIONS: usize = 1024;
/// Lines that may wait for the loop. Dropped when full.
const CHATTER: usize = 4096;

/// The receiving end: the loop's.
#[derive(Debug)]
pub struct ReportReceiver {
    transitions: mpsc::Receiver<Report>,
    chatter: mpsc::Receiver<Report>,
    dropped: Arc<AtomicU64>,
}

/// The sending end, from which each job gets its [`Reporter`].
#[derive(Debug, Clone)]
pub struct ReportSender {
    transitions: mpsc::Sender<Report>,
    chatter: mpsc::Sender<Report>,
    dropped: Arc<AtomicU64>,
    time: SharedTimeSource,
}

/// A pair of ends. Reports carry this clock's time.
pub fn report_channel(time: SharedTimeSource) -> (ReportSender, ReportReceiver) {
    let (transitions, transitions_out) = mpsc::channel(TRANSITIONS);
    let (chatter, chatter_out) = mpsc::channel(CHATTER);
    let dropped = Arc::new(AtomicU64::new(0));
    let receiver = ReportReceiver {
        transitions: transitions_out,
        chatter: chatter_out,
        dropped: Arc::clone(&dropped),
    };
    (ReportSender { transitions, chatter, dropped, time }, receiver)
}

impl ReportReceiver {
    /// The next report, transitions first. Cancel-safe. Pends for ever when all senders are gone.
    pub async fn next(&mut self) -> Report {
        tokio::select! {
            biased;
            Some(report) = self.transitions.recv() => report,
            Some(report) = self.chatter.recv() => report,
            else => std::future::pending().await,
        }
    }

    /// The next report, if one is there.
    pub fn try_next(&mut self) -> Option<Report> {
        self.transitions.try_recv().or_else(|_| self.chatter.try_recv()).ok()
    }

    /// How many lines were dropped since this was last asked.
    pub fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }
}

impl ReportSender {
    /// The reporter of one job.
    pub fn reporter(&self, job: JobId) -> Reporter {
        Reporter { job, sender: self.clone() }
    }

    fn now(&self) -> Timestamp {
        time_at(&self.time)
    }
}

/// With what a job speaks.
#[derive(Debug, Clone)]
pub struct Reporter {
    job: JobId,
    sender: ReportSender,
}

impl Reporter {
    /// Sends any report on the lane that never loses one.
    pub async fn send(&self, news: News) {
        let report = Report { job: self.job, at: self.sender.now(), news };
        // The loop is gone only when the program ends: nobody is left to tell.
        let _ = self.sender.transitions.send(report).await;
    }

    /// News of the job itself.
    pub async fn job_news(&self, news: JobNews) {
        self.send(News::Job(news)).await;
    }

    /// News of an instance.
    pub async fn learned(&self, key: &InstanceKey, news: InstanceNews) {
        self.send(News::Instance(key.clone(), news)).await;
    }

    /// News of a region.
    pub async fn learned_of(&self, region: &Region, news: RegionNews) {
        self.send(News::Region(region.clone(), news)).await;
    }

    /// The instance entered a phase.
    pub async fn entered(&self, key: &InstanceKey, phase: Phase) {
        self.learned(key, InstanceNews::Entered(phase)).await;
    }

    /// What EC2 tells of an instance.
    pub async fn seen(&self, key: &InstanceKey, machine: &Machine) {
        self.learned(key, InstanceNews::Seen(Box::new(machine.clone()))).await;
    }

    /// How the node on an instance is.
    pub async fn vitals(&self, key: &InstanceKey, vitals: &Vitals) {
        self.learned(key, InstanceNews::Vitals(Box::new(vitals.clone()))).await;
    }

    /// A sentence about an instance.
    pub async fn said(&self, key: &InstanceKey, level: Level, text: impl Into<String>) {
        self.learned(key, InstanceNews::Said(level, text.into())).await;
    }

    /// A sentence about a region.
    pub async fn said_of(&self, region: &Region, level: Level, text: impl Into<String>) {
        self.learned_of(region, RegionNews::Said(level, text.into())).await;
    }

    /// A sentence about the job.
    pub async fn remarked(&self, level: Level, text: impl Into<String>) {
        self.job_news(JobNews::Said(level, text.into())).await;
    }

    /// For runbooks that cannot wait while they speak: what `say` is given is passed on, in order,
    /// while the other end does the work.
    pub fn telling(
        &self,
        region: &Region,
    ) -> (impl Fn(Level, String) + Send + Sync + use<>, Telling) {
        let (sender, told) = mpsc::unbounded_channel();
        // The receiver lives for as long as the work that speaks.
        let say = move |level, text| drop(sender.send((level, text)));
        (say, Telling { reporter: self.clone(), region: region.clone(), told })
    }

    /// A line from the far side. Dropped and counted when the loop cannot keep up.
    pub fn output(&self, key: &InstanceKey, line: String) {
        self.chat(key, InstanceNews::Output(line));
    }

    /// A line from the far side that somebody asked for: on the lane that never loses one.
    pub async fn printed(&self, key: &InstanceKey, line: String) {
        self.learned(key, InstanceNews::Output(line)).await;
    }

    /// Bytes of an upload. Dropped and counted when the loop cannot keep up.
    pub fn transferred(&self, key: &InstanceKey, transfer: Transfer) {
        self.chat(key, InstanceNews::Transferred(transfer));
    }

    fn chat(&self, key: &InstanceKey, news: InstanceNews) {
        let news = News::Instance(key.clone(), news);
        let report = Report { job: self.job, at: self.sender.now(), news };
        if self.sender.chatter.try_send(report).is_err() {
            self.sender.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Passes on what a runbook says.
#[derive(Debug)]
pub struct Telling {
    reporter: Reporter,
    region: Region,
    told: mpsc::UnboundedReceiver<(Level, String)>,
}

impl Telling {
    /// Does the work and passes on all that is said meanwhile.
    pub async fn during<T>(mut self, mut work: Pin<Box<impl Future<Output = T>>>) -> T {
        let done = loop {
            tokio::select! {
                biased;
                Some((level, text)) = self.told.recv() => {
                    self.reporter.said_of(&self.region, level, text).await;
                }
                done = &mut work => break done,
            }
        };
        while let Ok((level, text)) = self.told.try_recv() {
            self.reporter.said_of(&self.region, level, text).await;
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn transitions_come_first_and_are_never_lost() {
        let (sender, mut receiver) = report_channel(SharedTimeSource::default());
        let reporter = sender.reporter(JobId(1));
        for n in 0..CHATTER + 10 {
            reporter.output(&"k".into(), format!("line {n}"));
        }
        reporter.entered(&"k".into(), Phase::Ready).await;
        let of = |news| News::Instance("k".into(), news);
        assert_eq!(receiver.next().await.news, of(InstanceNews::Entered(Phase::Ready)));
        assert_eq!(receiver.next().await.news, of(InstanceNews::Output("line 0".into())));
        assert_eq!(receiver.take_dropped(), 10);
        assert_eq!(receiver.take_dropped(), 0);
    }

    #[tokio::test]
    async fn a_full_lane_makes_the_job_wait_not_lose() {
        let (sender, mut receiver) = report_channel(SharedTimeSource::default());
        let reporter = sender.reporter(JobId(1));
        let sender = tokio::spawn(async move {
            for _ in 0..TRANSITIONS + 5 {
                reporter.entered(&"k".into(), Phase::Ready).await;
            }
        });
        for _ in 0..TRANSITIONS + 5 {
            receiver.next().await;
        }
        sender.await.unwrap();
        assert!(receiver.try_next().is_none());
    }
}
