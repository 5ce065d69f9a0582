//! Tensors and views against arrays that are copied by index arithmetic.

use proptest::prelude::*;
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use warpweave::tensor::Shape;
use warpweave::{Tensor, View};

/// An array that owns its elements in row-major order: every operation copies.
#[derive(Debug, Clone, PartialEq)]
struct Array {
    dims: Vec<usize>,
    data: Vec<u32>,
}

/// All indices within `dims`, in row-major order.
fn indices(dims: &[usize]) -> Vec<Vec<usize>> {
    dims.iter().fold(vec![vec![]], |prefixes, &dim| {
        prefixes.iter().flat_map(|prefix| (0..dim).map(move |i| [prefix.as_slice(), &[i]].concat())).collect()
    })
}

impl Array {
    /// Elements that are their own offsets.
    fn counting(dims: &[usize]) -> Self {
        Array { dims: dims.to_vec(), data: (0..dims.iter().product::<usize>() as u32).collect() }
    }

    fn at(&self, index: &[usize]) -> u32 {
        self.data[index.iter().zip(&self.dims).fold(0, |offset, (i, dim)| offset * dim + i)]
    }

    /// The array of shape `dims` whose element at an index is this one's at `source(index)`.
    fn gather(&self, dims: Vec<usize>, source: impl Fn(&[usize]) -> Vec<usize>) -> Self {
        let data = indices(&dims).iter().map(|index| self.at(&source(index))).collect();
        Array { dims, data }
    }

    fn narrow(&self, axis: usize, start: usize, len: usize) -> Self {
        let mut dims = self.dims.clone();
        dims[axis] = len;
        self.gather(dims, |index| {
            index.iter().enumerate().map(|(a, &i)| if a == axis { start + i } else { i }).collect()
        })
    }

    fn select(&self, axis: usize, at: usize) -> Self {
        let mut dims = self.dims.clone();
        dims.remove(axis);
        self.gather(dims, |index| [&index[..axis], &[at], &index[axis..]].concat())
    }

    fn swap_axes(&self, a: usize, b: usize) -> Self {
        let swap = |index: &[usize]| {
            let mut index = index.to_vec();
            index.swap(a, b);
            index
        };
        self.gather(swap(&self.dims), swap)
    }

    /// Whether one stride for each axis of `dims` reaches the elements, which are offsets, in their order.
    fn strides_exist(&self, dims: &[usize]) -> bool {
        let reshaped = Array { dims: dims.to_vec(), data: self.data.clone() };
        let strides: Vec<u32> = (0..dims.len())
            .map(|axis| {
                let mut unit = vec![0; dims.len()];
                unit[axis] = usize::from(dims[axis] > 1);
                reshaped.at(&unit) - reshaped.data[0]
            })
            .collect();
        indices(dims).iter().all(|index| {
            let steps: u32 = index.iter().zip(&strides).map(|(&i, stride)| i as u32 * stride).sum();
            reshaped.at(index) == reshaped.data[0] + steps
        })
    }
}

/// What the view holds, element by element.
fn copy(view: View<u32>) -> Array {
    let element = |index: &Vec<usize>| index.iter().fold(view, |view, &i| view.select(0, i)).as_slice()[0];
    Array { dims: view.dims().to_vec(), data: indices(view.dims()).iter().map(element).collect() }
}

/// A shape from a slice, whose length is not known to the compiler.
fn shape(dims: &[usize]) -> Shape {
    match *dims {
        [] => [].into(),
        [a] => [a].into(),
        [a, b] => [a, b].into(),
        [a, b, c] => [a, b, c].into(),
        [a, b, c, d] => [a, b, c, d].into(),
        [a, b, c, d, e] => [a, b, c, d, e].into(),
        [a, b, c, d, e, f] => [a, b, c, d, e, f].into(),
        _ => panic!("{dims:?}"),
    }
}

fn dims(rank: std::ops::Range<usize>) -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop_oneof![1 => 0..2usize, 6 => 1..5usize], rank)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn chains_of_views_read_what_index_arithmetic_says(
        dims in dims(1..5),
        steps in prop::collection::vec((0..5u8, any::<prop::sample::Index>(), any::<prop::sample::Index>(),
            any::<prop::sample::Index>()), 0..6),
    ) {
        let mut array = Array::counting(&dims);
        let tensor = Tensor::from_vec(shape(&dims), array.data.clone()).unwrap();
        let mut view = tensor.view();
        for (step, i, j, k) in steps {
            let rank = array.dims.len();
            if rank == 0 {
                break;
            }
            let axis = i.index(rank);
            let dim = array.dims[axis];
            match step {
                0 => {
                    let start = j.index(dim + 1);
                    let len = k.index(dim - start + 1);
                    (array, view) = (array.narrow(axis, start, len), view.narrow(axis, start, len));
                }
                1 if dim > 0 => (array, view) = (array.select(axis, j.index(dim)), view.select(axis, j.index(dim))),
                2 => (array, view) = (array.swap_axes(axis, j.index(rank)), view.swap_axes(axis, j.index(rank))),
                3 | 4 => {
                    // Merges two axes, or splits one, here and there both.
                    let mut dims = array.dims.clone();
                    if step == 3 && axis + 1 < rank {
                        let next = dims.remove(axis + 1);
                        dims[axis] *= next;
                    }
                    let axis = j.index(dims.len());
                    let divisors: Vec<usize> = (1..=dims[axis]).filter(|d| dims[axis].is_multiple_of(*d)).collect();
                    if !divisors.is_empty() && dims.len() < 6 {
                        let divisor = divisors[k.index(divisors.len())];
                        dims[axis] /= divisor;
                        dims.insert(axis, divisor);
                    }
                    let possible = array.data.is_empty() || array.strides_exist(&dims);
                    let reshaped = view.reshape(shape(&dims));
                    prop_assert_eq!(reshaped.is_ok(), possible, "{:?} as {:?}", view.strides(), dims);
                    if let Ok(reshaped) = reshaped {
                        view = reshaped;
                        array.dims = dims;
                    }
                }
                _ => {}
            }
            prop_assert_eq!(copy(view), array.clone());
            prop_assert_eq!(view.len(), array.data.len());
            let dense = array.data.windows(2).all(|pair| pair[1] == pair[0] + 1);
            prop_assert_eq!(view.is_contiguous(), dense, "{:?} {:?}", view.dims(), view.strides());
            if dense {
                prop_assert_eq!(view.as_slice(), &array.data[..]);
            }
        }
    }

    #[test]
    fn writes_reach_the_view_and_nothing_else(
        dims in dims(3..4),
        axis in 0..3usize,
        cut in any::<prop::sample::Index>(),
        (a, b) in (0..3usize, 0..3usize),
        block in 1..4usize,
    ) {
        let array = Array::counting(&dims);
        let mut tensor = Tensor::from_vec(shape(&dims), vec![0; array.data.len()]).unwrap();
        let start = cut.index(dims[axis] + 1);
        let (head, tail) = tensor.view_mut().split_at(axis, start);
        assert_eq!(head.dim(axis), start);
        tail.swap_axes(a, b).par_blocks(block).enumerate().for_each(|(i, view)| {
            // Down to single elements, since rows of a transposed view are no slices.
            let mut view = view;
            assert!(view.dim(0) <= block);
            for index in indices(view.dims()) {
                let mut element = index.iter().fold(view.reborrow(), |view, &i| view.select(0, i));
                element.as_mut_slice()[0] = 1 + i as u32;
            }
        });
        let written = array.narrow(axis, start, dims[axis] - start).swap_axes(a, b);
        let mut want = vec![0; array.data.len()];
        for index in indices(&written.dims) {
            want[written.at(&index) as usize] = 1 + (index[0] / block) as u32;
        }
        prop_assert_eq!(tensor.as_slice(), want);
    }
}

#[test]
fn par_blocks_cover_a_view_in_order() {
    let tensor = Tensor::from_vec([7, 2], (0..14).collect()).unwrap();
    let blocks: Vec<Vec<u32>> = tensor.view().par_blocks(3).map(|block| block.as_slice().to_vec()).collect();
    assert_eq!(blocks, [(0..6).collect::<Vec<u32>>(), (6..12).collect(), (12..14).collect()]);
    assert_eq!(tensor.view().narrow(0, 7, 0).par_blocks(3).count(), 0);
    assert_eq!(tensor.view().par_blocks(100).count(), 1);
}

#[test]
fn unstack_takes_a_packed_projection_apart() {
    let mut packed = Tensor::from_vec([2, 2, 3, 2], (0..24).collect::<Vec<u32>>()).unwrap();
    let [mut q, k, v] = packed.view_mut().unstack(2);
    assert_eq!((q.dims(), q.strides()), (&[2, 2, 2][..], &[12, 6, 1][..]));
    assert_eq!(k.row([1, 0]), [14, 15]);
    assert_eq!(v.row([0, 1]), [10, 11]);
    q.row_mut([1, 1]).fill(99);
    assert_eq!(packed.as_slice()[17..21], [17, 99, 99, 20]);
}

#[test]
fn reshapes_that_would_copy_are_refused() {
    let tensor = Tensor::from_vec([4, 6], (0..24).collect::<Vec<u32>>()).unwrap();
    let refuse = |view: View<u32>, shape: Shape| match view.reshape(shape) {
        Ok(view) => panic!("strides {:?}", view.strides()),
        Err(error) => error.to_string(),
    };
    assert_eq!(
        refuse(tensor.view().t(), [24].into()),
        "reshape: `shape`: expected a view that reads as [24] without a copy, got [6, 4] with strides [1, 6]"
    );
    assert_eq!(
        refuse(tensor.view(), [5, 5].into()),
        "reshape: `shape`: expected a view that reads as [5, 5] without a copy, got [4, 6] with strides [6, 1]"
    );
    // Heads of a narrowed projection: axes with gaps between them split, but do not merge.
    let half = tensor.view().narrow(1, 0, 4);
    assert_eq!(half.reshape([4, 2, 2]).unwrap().strides(), [6, 2, 1]);
    refuse(half, [2, 8].into());
    assert_eq!(half.reshape([2, 2, 4]).unwrap().row([1, 1]), [18, 19, 20, 21]);
    refuse(half.narrow(0, 0, 1), [].into());
    assert!(tensor.view().narrow(0, 2, 0).reshape([0, 7, 9]).unwrap().is_empty());
}

#[test]
fn a_scalar_is_one_element() {
    let mut scalar = Tensor::from_vec([], vec![5u32]).unwrap();
    assert_eq!((scalar.len(), scalar.shape().rank(), scalar.view().as_slice()), (1, 0, &[5][..]));
    scalar.view_mut().as_mut_slice()[0] = 6;
    assert_eq!(scalar.view().reshape([1, 1]).unwrap().row([0]), [6]);
}

#[test]
fn shapes_compare_by_axes_and_print_as_lists() {
    assert_eq!(Shape::from([2, 3]).dims(), [2, 3]);
    assert_eq!(Shape::from([2, 3]).to_string(), "[2, 3]");
    assert_eq!(format!("{:?}", Shape::from([])), "[]");
    assert_ne!(Shape::from([2]), Shape::from([2, 1]));
    let tensor: Tensor = Tensor::zeros([2, 3, 4]).unwrap();
    assert_eq!(tensor.view().select(1, 0).shape(), Shape::from([2, 4]));
    assert_eq!(tensor.view().swap_axes(0, 2).shape(), Shape::from([4, 3, 2]));
    assert!(tensor.view().select(1, 0).has_contiguous_rows() && !tensor.view().select(1, 0).is_contiguous());
    assert!(!tensor.view().swap_axes(0, 2).has_contiguous_rows());
}

#[test]
fn tensors_of_impossible_sizes_are_errors() {
    assert_eq!(
        Tensor::from_vec([2, 3], vec![0u32; 5]).unwrap_err().to_string(),
        "Tensor::from_vec: `data`: expected [2, 3] elements, got 5 elements"
    );
    assert_eq!(
        Tensor::<f32>::zeros([usize::MAX, 2]).unwrap_err().to_string(),
        "Tensor: `shape`: expected a number of elements that fits the address space, got [18446744073709551615, 2]"
    );
    assert!(Tensor::<f32>::zeros([3, 0, 2]).unwrap().is_empty());
}

/// Safe code must not reach beyond the memory, so views panic out of range, as slices do.
mod out_of_range {
    use super::*;

    fn tensor() -> Tensor<u32> {
        Tensor::zeros([2, 3]).unwrap()
    }

    #[test]
    #[should_panic(expected = "2 + 2 of axis 1 of [2, 3]")]
    fn narrow() {
        tensor().view().narrow(1, 2, 2);
    }

    #[test]
    #[should_panic]
    fn narrow_whose_end_overflows() {
        tensor().view().narrow(1, usize::MAX, 1);
    }

    #[test]
    #[should_panic(expected = "2 + 1 of axis 0 of [2, 3]")]
    fn select() {
        tensor().view().select(0, 2);
    }

    #[test]
    #[should_panic(expected = "axes 0 and 2 of a view of rank 2")]
    fn swap_axes() {
        tensor().view().swap_axes(0, 2);
    }

    #[test]
    #[should_panic(expected = "index [2] into [2, 3]")]
    fn row() {
        tensor().view().row([2]);
    }

    #[test]
    #[should_panic(expected = "row [0] of [3, 2]")]
    fn row_with_gaps() {
        tensor().view().t().row([0]);
    }

    #[test]
    #[should_panic(expected = "as_mut_slice of [2, 2] with strides [3, 1]")]
    fn slice_with_gaps() {
        tensor().view_mut().narrow(1, 1, 2).as_mut_slice();
    }

    #[test]
    #[should_panic(expected = "unstack axis 1 of [2, 3]")]
    fn unstack() {
        let [_, _] = tensor().view_mut().unstack(1);
    }

    #[test]
    #[should_panic]
    fn split_at() {
        let _ = tensor().view_mut().split_at(1, 4);
    }

    #[test]
    #[should_panic(expected = "5 elements viewed as [2, 2]")]
    fn slice_of_another_length() {
        View::contiguous(&[1u32; 5], [2, 2]);
    }
}
