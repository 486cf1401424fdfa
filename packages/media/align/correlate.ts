/**
 * How alike two rows of numbers are, for each shift between them.
 * In: two rows. Out: the sum of products for each shift. Pure. A Fourier transform of powers of two.
 */

/**
 * Sums of products for each shift: `sums[shift + b.length - 1]` is the sum of `a[i + shift] * b[i]`.
 *
 * @returns one sum for each shift from `1 - b.length` to `a.length - 1`
 */
export function correlate(a: Float64Array, b: Float64Array): Float64Array {
  const count = a.length + b.length - 1;
  let size = 1;
  while (size < count) size *= 2;
  // Both rows in one transform: `a` as real parts, `b` backwards as imaginary parts.
  const real = new Float64Array(size);
  const imaginary = new Float64Array(size);
  real.set(a);
  for (let i = 0; i < b.length; i++) imaginary[i] = b[b.length - 1 - i]!;
  transform(real, imaginary);
  const productReal = new Float64Array(size);
  const productImaginary = new Float64Array(size);
  for (let k = 0; k < size; k++) {
    const mirror = (size - k) & (size - 1);
    const aReal = (real[k]! + real[mirror]!) / 2;
    const aImaginary = (imaginary[k]! - imaginary[mirror]!) / 2;
    const bReal = (imaginary[k]! + imaginary[mirror]!) / 2;
    const bImaginary = (real[mirror]! - real[k]!) / 2;
    productReal[k] = aReal * bReal - aImaginary * bImaginary;
    productImaginary[k] = -(aReal * bImaginary + aImaginary * bReal);
  }
  // The inverse is the transform of the conjugate.
  transform(productReal, productImaginary);
  return productReal.subarray(0, count).map((value) => value / size);
}

/** Fourier transform in place. @param real its length is a power of two */
function transform(real: Float64Array, imaginary: Float64Array): void {
  const size = real.length;
  for (let i = 1, j = 0; i < size; i++) {
    let bit = size >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i >= j) continue;
    swap(real, i, j);
    swap(imaginary, i, j);
  }
  for (let length = 2; length <= size; length *= 2) {
    const half = length / 2;
    const step = (-2 * Math.PI) / length;
    for (let k = 0; k < half; k++) {
      const cosine = Math.cos(step * k);
      const sine = Math.sin(step * k);
      for (let i = k; i < size; i += length) {
        const j = i + half;
        const re = real[j]! * cosine - imaginary[j]! * sine;
        const im = real[j]! * sine + imaginary[j]! * cosine;
        real[j] = real[i]! - re;
        imaginary[j] = imaginary[i]! - im;
        real[i]! += re;
        imaginary[i]! += im;
      }
    }
  }
}

function swap(values: Float64Array, i: number, j: number): void {
  const value = values[i]!;
  values[i] = values[j]!;
  values[j] = value;
}
