/// Pillow's bicubic resampling of eight-bit pictures, bit for bit (Pillow's libImaging/Resample.c): an antialiased filter in
/// two passes in fixed point, horizontal first, then vertical, each rounded to eight bits.
public enum Resize {
  /// Bits behind the point: 32, less 8 for the sample, less 2 since weights below 0 make others exceed 1.
  static let precisionBits: Int32 = 32 - 8 - 2

  /// Scale all of a picture.
  ///
  /// Beside the picture, the result and the weights it needs the rows of one strip of columns that a row of the result
  /// is made of: less than two rows of a large picture.
  ///
  /// - Parameters:
  ///   - image: (H, W, 3 or 4).
  ///   - width: of the result, px.
  ///   - height: of the result, px.
  /// - Returns: (height, width, 3), RGB.
  /// - Throws: `FauxtoError.argument` for a side under 1 px or over `Pixels.maximumSide`.
  public static func bicubic(_ image: Pixels, width: Int, height: Int) throws -> Pixels {
    guard (1...Pixels.maximumSide).contains(width), (1...Pixels.maximumSide).contains(height) else {
      throw FauxtoError.argument(
        "cannot scale to \(width) x \(height) px; each side must have 1 to \(Pixels.maximumSide) px")
    }
    let horizontal = Coefficients(from: image.width, to: width)
    let vertical = Coefficients(from: image.height, to: height)
    let samples = [UInt8](unsafeUninitializedCapacity: width * height * 3) { result, count in
      image.samples.withUnsafeBufferPointer { source in
        for left in stride(from: 0, to: width, by: Strip.columns) {
          let columns = left..<min(width, left + Strip.columns)
          var strip = Strip(image: image, horizontal: horizontal, vertical: vertical, columns: columns)
          strip.write(from: source, to: result)
        }
      }
      count = width * height * 3
    }
    return Pixels(unchecked: samples, width: width, height: height)
  }
}

/// Which source pixels each pixel of a line is made of, and by what weights.
struct Coefficients {
  /// The first source pixel of each.
  let starts: [Int]
  /// How many source pixels each is made of.
  let counts: [Int]
  /// Distance in `weights` from one pixel to the next.
  let stride: Int
  /// In fixed point, of `Resize.precisionBits`; each pixel's add up to 1 before they are rounded.
  let weights: [Int32]

  /// - Parameters:
  ///   - inSize: length of the source line, px.
  ///   - outSize: length of the result, px.
  init(from inSize: Int, to outSize: Int) {
    let scale = Double(inSize) / Double(outSize)
    let filterScale = max(scale, 1)
    let support = 2 * filterScale
    var starts = [Int]()
    var counts = [Int]()
    let stride = Int(support.rounded(.up)) * 2 + 1
    var weights = [Int32](repeating: 0, count: outSize * stride)
    for place in 0..<outSize {
      let centre = (Double(place) + 0.5) * scale
      let start = max(0, Int(centre - support + 0.5))
      let count = min(inSize, Int(centre + support + 0.5)) - start
      let exact = (0..<count).map { Self.cubic((Double($0 + start) - centre + 0.5) * (1 / filterScale)) }
      let sum = exact.reduce(0, +)
      for (k, weight) in exact.enumerated() {
        weights[place * stride + k] = Self.fixedPoint(sum == 0 ? weight : weight / sum)
      }
      starts.append(start)
      counts.append(count)
    }
    self.starts = starts
    self.counts = counts
    self.stride = stride
    self.weights = weights
  }

  /// Keys's cubic convolution with a = -1/2 (1981, eq. 4), in the order of operations of Pillow.
  private static func cubic(_ x: Double) -> Double {
    let a = -0.5
    let d = abs(x)
    if d < 1 { return ((a + 2) * d - (a + 3)) * d * d + 1 }
    return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0
  }

  /// Rounded, halves away from 0.
  private static func fixedPoint(_ weight: Double) -> Int32 {
    Int32((weight < 0 ? -0.5 : 0.5) + weight * Double(1 << Resize.precisionBits))
  }
}

/// Some columns of the result, made row by row from a ring of rows that are scaled horizontally.
private struct Strip {
  /// So few that the ring stays in the nearest cache.
  static let columns = 128

  let image: Pixels
  let horizontal: Coefficients
  let vertical: Coefficients
  let columns: Range<Int>
  /// (vertical.stride, columns, 3): row y of the picture at place y % stride.
  private var ring: [UInt8]
  private var sums: [Int32]

  init(image: Pixels, horizontal: Coefficients, vertical: Coefficients, columns: Range<Int>) {
    self.image = image
    self.horizontal = horizontal
    self.vertical = vertical
    self.columns = columns
    ring = [UInt8](repeating: 0, count: vertical.stride * columns.count * 3)
    sums = [Int32](repeating: 0, count: columns.count * 3)
  }

  mutating func write(from source: UnsafeBufferPointer<UInt8>, to result: UnsafeMutableBufferPointer<UInt8>) {
    let line = columns.count * 3
    var known = 0
    for y in vertical.starts.indices {
      let rows = vertical.starts[y]..<(vertical.starts[y] + vertical.counts[y])
      for row in max(known, rows.lowerBound)..<max(known, rows.upperBound) {
        scaleRow(row, of: source)
      }
      known = max(known, rows.upperBound)
      let to = (y * horizontal.starts.count + columns.lowerBound) * 3
      addRows(rows, weights: y * vertical.stride, to: UnsafeMutableBufferPointer(rebasing: result[to..<(to + line)]))
    }
  }

  /// Row `row` of the picture, horizontally scaled, to its place in the ring.
  private mutating func scaleRow(_ row: Int, of source: UnsafeBufferPointer<UInt8>) {
    let from = row * image.width * image.channels
    var to = row % vertical.stride * columns.count * 3
    let channels = image.channels
    ring.withUnsafeMutableBufferPointer { ring in
      horizontal.weights.withUnsafeBufferPointer { weights in
        for x in columns {
          var red = Int32(1) << (Resize.precisionBits - 1)
          var green = red
          var blue = red
          var at = from + horizontal.starts[x] * channels
          let first = x * horizontal.stride
          for k in first..<(first + horizontal.counts[x]) {
            let weight = weights[k]
            red &+= Int32(source[at]) &* weight
            green &+= Int32(source[at + 1]) &* weight
            blue &+= Int32(source[at + 2]) &* weight
            at += channels
          }
          ring[to] = clip8(red)
          ring[to + 1] = clip8(green)
          ring[to + 2] = clip8(blue)
          to += 3
        }
      }
    }
  }

  /// One row of the result, from rows of the ring.
  private mutating func addRows(_ rows: Range<Int>, weights: Int, to result: UnsafeMutableBufferPointer<UInt8>) {
    let line = columns.count * 3
    sums.withUnsafeMutableBufferPointer { sums in
      ring.withUnsafeBufferPointer { ring in
        sums.update(repeating: Int32(1) << (Resize.precisionBits - 1))
        for row in rows {
          let weight = vertical.weights[weights + row - rows.lowerBound]
          let from = row % vertical.stride * line
          for i in 0..<line { sums[i] &+= Int32(ring[from + i]) &* weight }
        }
        for i in 0..<line { result[i] = clip8(sums[i]) }
      }
    }
  }
}

/// A sum in fixed point as a sample, 0 to 255.
@inline(__always)
private func clip8(_ sum: Int32) -> UInt8 {
  UInt8(truncatingIfNeeded: max(0, min(255, sum >> Resize.precisionBits)))
}
