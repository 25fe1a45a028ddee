//! Shapes no row of a block can take: a mistake in the plan, not a lack of the machine, so nothing starts.

use ipcmark::family::Contestant;

use super::super::distinct;
use super::super::source::Block;
use super::{Axes, Expander, Point, answers};

impl Expander<'_> {
    /// Errors: a list that means nothing to the block's rows, or an entry that each of them refuses, with its line.
    pub(super) fn check_shapes(&self, block: &Block, rows: &[&Contestant], axes: &Axes) -> anyhow::Result<()> {
        if let Some(list) = block.substrates.as_ref().filter(|_| rows.iter().all(|row| row.substrate.is_none())) {
            let names = distinct(rows.iter().map(|row| row.mechanism)).join(", ");
            let text = format_args!("`substrates` fits only what shares memory, not {names}; leave the key out");
            return Err(self.page.wrong(list.span(), text));
        }
        if let Some(list) = &block.depths {
            let fixed = distinct(rows.iter().filter(|row| !self.has_depth(row, axes)).map(|row| row.mechanism));
            if !fixed.is_empty() {
                let names = fixed.join(", ");
                let text = format_args!("`depths` cannot be chosen for {names}; give the others a block of their own");
                return Err(self.page.wrong(list.span(), text));
            }
        }
        for depth in block.depths.iter().flat_map(toml::Spanned::get_ref) {
            if let Some(why) = self.refusal(rows, axes, |point| point.depth == Some(*depth.get_ref())) {
                return Err(self.page.wrong(depth.span(), why));
            }
        }
        for size in block.message_bytes.get_ref() {
            if let Some(why) = self.refusal(rows, axes, |point| point.bytes == size.get_ref().0) {
                return Err(self.page.wrong(size.span(), why));
            }
        }
        Ok(())
    }

    /// Whether the row holds a number of messages that a plan may choose.
    fn has_depth(&self, row: &Contestant, axes: &Axes) -> bool {
        let open = axes.points().next().map(|point| Point { depth: None, ..point });
        open.is_some_and(|point| (self.ground.has_depth)(&self.planned(row, point).case))
    }

    /// Why every row refuses the points that `has` picks; nothing when one takes one of them, or none could be asked.
    fn refusal(&self, rows: &[&Contestant], axes: &Axes, has: impl Fn(&Point) -> bool) -> Option<String> {
        let mut why = None;
        for row in rows.iter().filter(|row| row.unavailable.is_none()) {
            for point in axes.points().filter(|point| has(point) && answers(row, point.measure)) {
                why = Some((self.ground.supports)(&self.planned(row, point).case).err()?);
            }
        }
        why
    }
}
