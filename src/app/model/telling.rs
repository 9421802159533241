//! What is said: in the log, in the footer, in a corner, and by the bell.

use jiff::SignedDuration;

use super::{Flash, Model};
use crate::app::Effect;
use crate::fleet::{Change, Level, Subject};

/// How long a sentence stays in the footer.
const FLASH: SignedDuration = SignedDuration::from_secs(15);
/// How long a toast stays.
const TOAST: SignedDuration = SignedDuration::from_secs(8);
/// How long a row stands out that entered another phase.
const LIT: SignedDuration = SignedDuration::from_secs(2);
/// How many toasts there are at once.
const TOASTS: usize = 3;

impl Model {
    /// Says in the log what was found amiss before there was a screen.
    pub fn warn(&mut self, about: &str, text: &str) {
        self.log.write(self.now, Level::Warning, about, text);
    }

    /// Says a sentence in the log and in the footer.
    pub(in crate::app) fn flash(&mut self, level: Level, about: &str, text: impl Into<String>) {
        let text = text.into();
        self.log.write(self.now, level, about, &text);
        self.show(level, format!("{about}: {text}"));
    }

    /// Says a sentence of the program's own: in the log and in the footer, and where nobody sees
    /// these, as news of what it does.
    pub(in crate::app) fn tell(&mut self, level: Level, about: &str, text: impl Into<String>) {
        let text = text.into();
        self.log.write(self.now, level, about, &text);
        self.announce(level, format!("{about}: {text}"));
    }

    /// Says a sentence that the log has already: in the footer, or, where there is none, as news.
    pub(in crate::app) fn announce(&mut self, level: Level, text: String) {
        if self.holding.is_keeper {
            self.latest.at = self.now;
            self.latest.changes.push(Change::Said(Subject::Job, level, text.clone()));
        }
        self.show(level, text);
    }

    /// Says what is to be known of something that goes on: in the log and in a corner, or, where there is
    /// none, as news. In the footer it would stand for a refusal.
    pub(in crate::app) fn remark(&mut self, level: Level, about: &str, text: impl Into<String>) {
        let text = text.into();
        self.log.write(self.now, level, about, &text);
        let said = format!("{about}: {text}");
        if self.dashboard {
            self.toast(level, said);
        } else {
            self.latest.at = self.now;
            self.latest.changes.push(Change::Said(Subject::Job, level, said));
        }
    }

    /// Says a sentence in the footer alone.
    pub(in crate::app) fn show(&mut self, level: Level, text: String) {
        self.flash = Some(Flash { level, text, at: self.now });
    }

    /// Says that the order and the columns of rows are not those of the regions: what is not seen is not
    /// changed.
    pub(in crate::app) fn refuse_order(&mut self) {
        let said = "regions: a line each, worst first, with columns of their own";
        self.show(Level::Info, said.to_owned());
    }

    /// Says in a corner that something has come to its end.
    pub(in crate::app) fn toast(&mut self, level: Level, text: String) {
        self.alarm |= level == Level::Error;
        self.toasts.push_back(Flash { level, text, at: self.now });
        if self.toasts.len() > TOASTS {
            self.toasts.pop_front();
        }
    }

    /// Takes away what was said in footer and corner long enough ago.
    pub(in crate::app) fn fade(&mut self) {
        let now = self.now;
        self.flash.take_if(|flash| now.duration_since(flash.at) > FLASH);
        self.lit.retain(|_, at| now.duration_since(*at) < LIT);
        self.toasts.retain(|toast| now.duration_since(toast.at) <= TOAST);
    }

    /// The bell, if something happened that it rings for and the user wants it.
    pub(in crate::app) fn ring(&mut self) -> Option<Effect> {
        let alarm = std::mem::take(&mut self.alarm);
        let wanted = self.config.as_ref().is_some_and(|config| config.ui.bell);
        (alarm && wanted && self.dashboard).then_some(Effect::Bell)
    }
}
