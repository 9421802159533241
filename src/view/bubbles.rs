//! Where on a map each count is written: no two over each other, and no number cut.
//!
//! A count stands at its place, to one side of it or a little above or below; where there is no
//! room for that either, two that are neighbours become one. Pure geometry: it draws nothing.

use crate::fleet::Health;

/// What is to be written at a point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bubble {
    /// The column and the line of the point.
    pub at: (u16, u16),
    /// How many it stands for.
    pub count: usize,
    /// The most urgent state among them.
    pub health: Health,
    /// What it is called.
    pub name: String,
    /// How many places it stands for.
    pub places: usize,
    /// Whether the place that is meant is in it: it is dealt with first.
    pub chosen: bool,
    /// Whether something has just gone wrong there.
    pub lit: bool,
}

/// A bubble that found room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlacedBubble {
    /// What it is.
    pub bubble: Bubble,
    /// The column of its first sign.
    pub x: u16,
    /// Its line.
    pub y: u16,
    /// The name behind it, where there is room.
    pub name: Option<String>,
}

impl Bubble {
    /// One for both; it stands where the larger one is.
    fn merged(self, other: Self) -> Self {
        let (larger, smaller) =
            if self.count < other.count { (other, self) } else { (self, other) };
        let places = larger.places + smaller.places;
        Self {
            count: larger.count + smaller.count,
            health: larger.health.min(smaller.health),
            name: format!("{places} regions"),
            places,
            chosen: larger.chosen || smaller.chosen,
            lit: larger.lit || smaller.lit,
            at: larger.at,
        }
    }

    /// How many columns it takes, with its sign.
    fn width(&self) -> u16 {
        u16::try_from(1 + super::text::thousands(self.count).len()).unwrap_or(u16::MAX)
    }
}

/// How far from its point a count may stand, in lines and in columns, the nearest first.
const SHIFTS: [(i32, i32); 15] = [
    (0, 0),
    (0, -1),
    (0, 1),
    (-1, 0),
    (1, 0),
    (0, 2),
    (0, -2),
    (-1, 2),
    (1, 2),
    (-1, -2),
    (1, -2),
    (0, 4),
    (0, -4),
    (-2, 0),
    (2, 0),
];

/// Finds room for all of them on so many columns and lines.
pub(super) fn arrange(mut bubbles: Vec<Bubble>, width: u16, height: u16) -> Vec<PlacedBubble> {
    bubbles.retain(|bubble| bubble.width() <= width && height > 0);
    loop {
        // What is meant, then what needs a person, then the most.
        bubbles.sort_by_key(|it| (!it.chosen, it.health, std::cmp::Reverse(it.count), it.at));
        match placed(&bubbles, width, height) {
            Ok(placed) => return placed,
            Err(without) => {
                let lone = bubbles.remove(without);
                let Some(near) = nearest(&bubbles, lone.at) else { return Vec::new() };
                let other = bubbles.remove(near);
                let both = lone.merged(other);
                // A larger number may need more columns than there are.
                if both.width() <= width {
                    bubbles.push(both);
                }
            }
        }
    }
}

fn nearest(bubbles: &[Bubble], at: (u16, u16)) -> Option<usize> {
    // A line is as high as two columns are wide.
    let distance = |bubble: &Bubble| {
        let (dx, dy) = (bubble.at.0.abs_diff(at.0), bubble.at.1.abs_diff(at.1));
        u32::from(dx).pow(2) + 4 * u32::from(dy).pow(2)
    };
    (0..bubbles.len()).min_by_key(|index| distance(&bubbles[*index]))
}

/// All of them in their order; else the place in the list of one that has no room.
fn placed(bubbles: &[Bubble], width: u16, height: u16) -> Result<Vec<PlacedBubble>, usize> {
    let mut taken = Taken::new(width, height);
    let mut placed = Vec::new();
    for (index, bubble) in bubbles.iter().enumerate() {
        let (x, y) = taken.room_for(bubble).ok_or(index)?;
        taken.take(x, y, bubble.width());
        placed.push(PlacedBubble { bubble: bubble.clone(), x, y, name: None });
    }
    for spot in &mut placed {
        let length = u16::try_from(super::text::width(&spot.bubble.name)).unwrap_or(u16::MAX);
        let from = spot.x + spot.bubble.width();
        let behind = from.checked_add(1).filter(|_| length > 0);
        // What is before it is its own bubble.
        if behind.is_some_and(|x| taken.is_free(x, spot.y, length, false)) {
            taken.take(from, spot.y, length + 1);
            spot.name = Some(spot.bubble.name.clone());
        }
    }
    Ok(placed)
}

/// The cells that something is written in.
struct Taken {
    width: u16,
    cells: Vec<bool>,
}

impl Taken {
    fn new(width: u16, height: u16) -> Self {
        Self { width, cells: vec![false; usize::from(width) * usize::from(height)] }
    }

    /// The nearest room for a bubble: its sign on the point, else on either side, or shifted.
    fn room_for(&self, bubble: &Bubble) -> Option<(u16, u16)> {
        let width = bubble.width();
        let (x, y) = (i32::from(bubble.at.0), i32::from(bubble.at.1));
        let starts = [x, x + 1 - i32::from(width)];
        let spots =
            SHIFTS.iter().flat_map(|(down, right)| starts.map(|start| (start + right, y + down)));
        // At an edge it is pushed in, never cut.
        let most = i32::from(self.width - width);
        spots
            .map(|(x, y)| (x.clamp(0, most), y))
            .filter_map(|(x, y)| Some((u16::try_from(x).ok()?, u16::try_from(y).ok()?)))
            .find(|(x, y)| self.is_free(*x, *y, width, true))
    }

    /// Whether nothing is there, and nothing right behind it or, where that is asked, before it.
    fn is_free(&self, x: u16, y: u16, length: u16, apart: bool) -> bool {
        let Some(end) = x.checked_add(length).filter(|end| *end <= self.width) else {
            return false;
        };
        let row = usize::from(y) * usize::from(self.width);
        let from = if apart { x.saturating_sub(1) } else { x };
        let until = end.saturating_add(1).min(self.width);
        self.cells
            .get(row + usize::from(from)..row + usize::from(until))
            .is_some_and(|cells| cells.iter().all(|taken| !taken))
    }

    fn take(&mut self, x: u16, y: u16, length: u16) {
        let row = usize::from(y) * usize::from(self.width);
        let range = row + usize::from(x)..row + usize::from(x + length);
        if let Some(cells) = self.cells.get_mut(range) {
            cells.fill(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::view::text;

    fn bubble(at: (u16, u16), count: usize) -> Bubble {
        let (health, name) = (Health::Good, "Tokyo".to_owned());
        Bubble { at, count, health, name, places: 1, chosen: false, lit: false }
    }

    #[test]
    fn neighbours_stand_side_by_side_and_become_one_where_they_cannot() {
        let said = |width, height| -> Vec<(u16, u16, usize, usize)> {
            let bubbles = vec![bubble((5, 1), 61), bubble((6, 1), 59), bubble((7, 1), 58)];
            let placed = arrange(bubbles, width, height).into_iter();
            placed.map(|it| (it.x, it.y, it.bubble.count, it.bubble.places)).collect()
        };
        assert_eq!(said(40, 3).len(), 3);
        let [(_, 0, 178, 3)] = said(7, 1)[..] else { panic!("{:?}", said(7, 1)) };
    }

    #[test]
    fn a_name_is_written_whole_or_not_at_all() {
        let name = |width| arrange(vec![bubble((2, 0), 3)], width, 1)[0].name.clone();
        assert_eq!(name(10).as_deref(), Some("Tokyo"));
        assert_eq!(name(9), None);
    }

    prop_compose! {
        fn bubbles()(
            spots in prop::collection::vec((0u16..220, 0u16..70, 1usize..20_000, any::<bool>()), 0..34),
        ) -> Vec<(u16, u16, usize, bool)> {
            spots
        }
    }

    proptest! {
        #[test]
        fn no_label_lies_over_another_and_no_number_is_cut(
            spots in bubbles(),
            width in 8u16..220,
            height in 1u16..70,
        ) {
            let given: Vec<Bubble> = spots
                .iter()
                .map(|(x, y, count, chosen)| Bubble {
                    chosen: *chosen,
                    lit: false,
                    ..bubble(((*x).min(width - 1), (*y).min(height - 1)), *count)
                })
                .collect();
            let all: usize = given.iter().map(|it| it.count).sum();
            let placed = arrange(given, width, height);
            let mut cells = std::collections::BTreeSet::new();
            for spot in &placed {
                let number = text::thousands(spot.bubble.count).len();
                let name = spot.name.as_ref().map_or(0, |name| 1 + text::width(name));
                let end = usize::from(spot.x) + 1 + number + name;
                prop_assert!(end <= usize::from(width) && spot.y < height, "{spot:?} is cut");
                for x in usize::from(spot.x)..end {
                    prop_assert!(cells.insert((x, spot.y)), "{spot:?} lies over another");
                }
            }
            // Two numbers that touch would read as one.
            for spot in &placed {
                let name = spot.name.as_ref().map_or(0, |name| 1 + text::width(name));
                let number = text::thousands(spot.bubble.count).len();
                let behind = usize::from(spot.x) + 1 + number + name;
                prop_assert!(!cells.contains(&(behind, spot.y)), "{spot:?} touches another");
            }
            let told: usize = placed.iter().map(|it| it.bubble.count).sum();
            prop_assert_eq!(told, all, "each instance is in one of the counts");
        }
    }
}
