use std::sync::Arc;

const BLOCK: usize = 4096;

/// A file's bytes. Clones share their blocks until one of them writes: a crash state of a file that
/// lost nothing costs a list of pointers.
#[derive(Clone, Default)]
pub(super) struct Content {
    blocks: Vec<Arc<[u8; BLOCK]>>,
    len: usize,
}

impl Content {
    pub fn len(&self) -> usize {
        self.len
    }

    /// Fills `into` from `offset` on; how many bytes there were. The rest becomes zeros.
    pub fn read(&self, offset: usize, into: &mut [u8]) -> usize {
        let there = self.len.saturating_sub(offset).min(into.len());
        let mut done = 0;
        while done < there {
            let (block, from) = ((offset + done) / BLOCK, (offset + done) % BLOCK);
            let n = (BLOCK - from).min(there - done);
            into[done..done + n].copy_from_slice(&self.blocks[block][from..from + n]);
            done += n;
        }
        into[there..].fill(0);
        there
    }

    /// Grows the file as needed; a gap reads as zeros.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) {
        if offset + bytes.len() > self.len {
            self.resize(offset + bytes.len());
        }
        let mut done = 0;
        while done < bytes.len() {
            let (block, from) = ((offset + done) / BLOCK, (offset + done) % BLOCK);
            let n = (BLOCK - from).min(bytes.len() - done);
            Arc::make_mut(&mut self.blocks[block])[from..from + n].copy_from_slice(&bytes[done..done + n]);
            done += n;
        }
    }

    pub fn resize(&mut self, len: usize) {
        let blocks = len.div_ceil(BLOCK);
        if blocks > self.blocks.len() {
            let zeros = Arc::new([0; BLOCK]);
            self.blocks.resize(blocks, zeros);
        } else {
            self.blocks.truncate(blocks);
        }
        // What was cut off must not come back when the file grows again.
        if len < self.len && !len.is_multiple_of(BLOCK) {
            Arc::make_mut(&mut self.blocks[blocks - 1])[len % BLOCK..].fill(0);
        }
        self.len = len;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(content: &Content) -> Vec<u8> {
        let mut all = vec![7; content.len()];
        assert_eq!(content.read(0, &mut all), content.len());
        all
    }

    #[test]
    fn content_is_what_a_plain_vector_would_hold() {
        let (mut content, mut plain) = (Content::default(), Vec::new());
        let mut dice = crate::Dice::new(1);
        for _ in 0..500 {
            if dice.one_in(5) {
                let len = dice.index(20_000);
                content.resize(len);
                plain.resize(len, 0);
            } else {
                let (offset, piece) = (dice.index(15_000), vec![dice.throw() as u8; dice.index(9_000)]);
                content.write(offset, &piece);
                plain.resize(plain.len().max(offset + piece.len()), 0);
                plain[offset..offset + piece.len()].copy_from_slice(&piece);
            }
            assert_eq!(bytes(&content), plain);
        }
    }

    #[test]
    fn a_read_past_the_end_is_short_and_zeros() {
        let mut content = Content::default();
        content.write(0, b"abc");
        let mut into = [9; 5];
        assert_eq!(content.read(1, &mut into), 2);
        assert_eq!(&into, b"bc\0\0\0");
        assert_eq!(content.read(10, &mut into), 0);
    }

    #[test]
    fn a_clone_keeps_what_it_had() {
        let mut content = Content::default();
        content.write(0, b"before");
        let kept = content.clone();
        content.write(0, b"after!");
        assert_eq!(bytes(&kept), b"before");
    }
}
