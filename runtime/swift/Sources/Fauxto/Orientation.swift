extension Pixels {
  /// The picture turned upright.
  ///
  /// - Parameter orientation: EXIF's, 1 to 8; any other value leaves the picture as it is.
  /// - Returns: (H, W, channels); for 5 to 8 width and height have changed places.
  public func upright(orientation: Int) -> Pixels {
    guard (2...8).contains(orientation) else { return self }
    let turned = orientation >= 5
    let (newWidth, newHeight) = turned ? (height, width) : (width, height)
    let samples = [UInt8](unsafeUninitializedCapacity: self.samples.count) { result, count in
      self.samples.withUnsafeBufferPointer { source in
        var to = 0
        for y in 0..<newHeight {
          for x in 0..<newWidth {
            let (column, row) = place(x, y, orientation)
            let from = (row * width + column) * channels
            for channel in 0..<channels { result[to + channel] = source[from + channel] }
            to += channels
          }
        }
      }
      count = self.samples.count
    }
    return Pixels(unchecked: samples, width: newWidth, height: newHeight, channels: channels)
  }

  /// Which stored pixel (column, row) stands at (x, y) of the upright picture (EXIF 2.32, tag 274).
  @inline(__always)
  private func place(_ x: Int, _ y: Int, _ orientation: Int) -> (Int, Int) {
    switch orientation {
    case 2: (width - 1 - x, y)
    case 3: (width - 1 - x, height - 1 - y)
    case 4: (x, height - 1 - y)
    case 5: (y, x)
    case 6: (y, height - 1 - x)
    case 7: (width - 1 - y, height - 1 - x)
    case 8: (width - 1 - y, x)
    default: (x, y)
    }
  }
}
