extension Pixels {
  /// (width, height) px of golden picture 0, 1, 2: one that is mirrored, one plain, one that is scaled down.
  static let goldenSizes = [(150, 120), (320, 240), (1500, 1100)]

  /// A golden picture: made by whole numbers, so that every machine and language makes the same one.
  ///
  /// The card holds the logit of each; an installation that gets another logit is broken.
  ///
  /// - Parameter number: 0 to 2.
  /// - Returns: (H, W, 3), smooth waves under a fine grain.
  /// - Throws: `FauxtoError.argument` for another number.
  public static func golden(_ number: Int) throws -> Pixels {
    guard goldenSizes.indices.contains(number) else {
      throw FauxtoError.argument("no golden picture \(number); there are 0 to \(goldenSizes.count - 1)")
    }
    let (width, height) = goldenSizes[number]
    var samples = [UInt8]()
    samples.reserveCapacity(width * height * 3)
    for y in 0..<height {
      for x in 0..<width {
        for channel in 0..<3 {
          let wave = (x * (channel + 2) + y * 3 + number * 40) / 2
          let smooth = abs(wave % 400 - 200)
          let grain = (x * 7919 + y * 104_729 + channel * 1_299_709) * (x + 3 * y + 11) / 8 % 32
          samples.append(UInt8(truncatingIfNeeded: smooth + grain))
        }
      }
    }
    return Pixels(unchecked: samples, width: width, height: height)
  }
}
