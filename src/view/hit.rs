//! What lies where in the frame that was drawn last: for the mouse.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use crate::app::{Command, Motion, Pane, Panel, PanelsCommand, Press, TableCommand};

/// What lies where in a frame.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HitMap {
    spots: Vec<(Rect, Command)>,
    /// The edges of panels that can be drawn elsewhere.
    edges: Vec<(Rect, Panel)>,
    /// What is a link in a terminal that has them, and to which page.
    links: Vec<(Rect, String)>,
}

impl HitMap {
    /// Says that a click in an area asks for a command. Later areas lie over earlier ones.
    pub(super) fn add(&mut self, area: Rect, command: Command) {
        self.spots.push((area, command));
    }

    /// Says that an edge of a panel lies there.
    pub(super) fn edge(&mut self, area: Rect, panel: Panel) {
        self.edges.push((area, panel));
    }

    /// Says that what is drawn in an area leads to a page.
    pub(super) fn link(&mut self, area: Rect, page: String) {
        self.links.push((area, page));
    }

    /// What leads to which page.
    pub(super) fn links(&self) -> &[(Rect, String)] {
        &self.links
    }

    /// The panel whose edge lies at a place.
    pub fn edge_at(&self, column: u16, row: u16) -> Option<Panel> {
        let at = Position::new(column, row);
        self.edges.iter().find(|(area, _)| area.contains(at)).map(|(_, panel)| *panel)
    }

    /// What a second click at once asks for: what is behind the row there.
    pub fn second(&self, event: MouseEvent) -> Option<Command> {
        matches!(
            self.command(event),
            Some(Command::Table(TableCommand::Select(_) | TableCommand::SelectRegion(_)))
        )
        .then_some(Command::Panels(PanelsCommand::Open(Pane::Details)))
    }

    /// Forgets everything: a dialog lies over it.
    pub(super) fn cover(&mut self) {
        self.spots.clear();
        self.edges.clear();
        self.links.clear();
    }

    /// What a mouse event asks for. The wheel moves the panel that it is over, else the dialog.
    pub fn command(&self, event: MouseEvent) -> Option<Command> {
        let at = Position::new(event.column, event.row);
        let mut under = self.spots.iter().rev().filter(|(area, _)| area.contains(at));
        let mut scroll = |motion| {
            let panel = under.find_map(|(_, command)| match command {
                Command::Panels(PanelsCommand::Focus(panel)) => Some(*panel),
                _ => None,
            });
            Some(panel.map_or(Command::Press(Press::Move(motion)), |panel| {
                Command::Panels(PanelsCommand::Scroll(panel, motion))
            }))
        };
        match event.kind {
            MouseEventKind::ScrollUp => scroll(Motion::Up),
            MouseEventKind::ScrollDown => scroll(Motion::Down),
            MouseEventKind::Down(MouseButton::Left) => {
                under.next().map(|(_, command)| command.clone())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyModifiers;

    use super::*;

    fn at(kind: MouseEventKind, column: u16, row: u16) -> MouseEvent {
        MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }
    }

    #[test]
    fn a_second_click_opens_a_row_and_no_button() {
        let click = MouseEventKind::Down(MouseButton::Left);
        let mut hits = HitMap::default();
        hits.add(Rect::new(0, 0, 10, 1), Command::Table(TableCommand::Select("i-0a".into())));
        hits.add(Rect::new(0, 1, 10, 1), Command::Refresh);
        let details = Command::Panels(PanelsCommand::Open(Pane::Details));
        assert_eq!(hits.second(at(click, 3, 0)), Some(details));
        assert_eq!((hits.second(at(click, 3, 1)), hits.second(at(click, 3, 2))), (None, None));
    }

    #[test]
    fn a_dialog_covers_rows_and_edges_and_takes_the_wheel() {
        let mut hits = HitMap::default();
        hits.add(Rect::new(0, 0, 10, 5), Command::Panels(PanelsCommand::Focus(Panel::Table)));
        hits.edge(Rect::new(5, 0, 1, 5), Panel::Side);
        assert_eq!(hits.edge_at(5, 4), Some(Panel::Side));
        let wheel = at(MouseEventKind::ScrollDown, 1, 1);
        let scroll = Command::Panels(PanelsCommand::Scroll(Panel::Table, Motion::Down));
        assert_eq!(hits.command(wheel), Some(scroll));
        hits.cover();
        assert_eq!(hits.edge_at(5, 4), None);
        assert_eq!(hits.command(wheel), Some(Command::Press(Press::Move(Motion::Down))));
    }
}
