/// A picture in memory: rows from the top, samples interleaved, (height, width, channels).
public struct Pixels: Equatable, Sendable {
  /// The side that no picture may exceed, px.
  public static let maximumSide = 65_536
  /// The number of pixels that no picture may exceed.
  public static let maximumArea = 178_000_000

  /// px.
  public let width: Int
  /// px.
  public let height: Int
  /// 3: RGB. 4: RGB, and a fourth sample that is not looked at, as Core Graphics has it.
  public let channels: Int
  /// `height * width * channels` samples, 0 to 255.
  public let samples: [UInt8]

  /// - Parameters:
  ///   - width: px, at least 1.
  ///   - height: px, at least 1.
  ///   - channels: 3 or 4.
  ///   - samples: `height * width * channels` of them.
  /// - Throws: `FauxtoError.image` where these numbers do not fit each other.
  public init(width: Int, height: Int, channels: Int = 3, samples: [UInt8]) throws {
    try Self.check(width: width, height: height)
    guard channels == 3 || channels == 4 else {
      throw FauxtoError.image("\(channels) samples a pixel; give 3 (RGB) or 4 (RGB and one unused)")
    }
    guard samples.count == width * height * channels else {
      throw FauxtoError.image(
        "\(samples.count) samples for \(width) x \(height) x \(channels); give as many as that")
    }
    self.init(unchecked: samples, width: width, height: height, channels: channels)
  }

  init(unchecked samples: [UInt8], width: Int, height: Int, channels: Int = 3) {
    self.width = width
    self.height = height
    self.channels = channels
    self.samples = samples
  }

  /// Throws `FauxtoError.image` for a picture that is empty or too large, before a pixel of it is decoded.
  static func check(width: Int, height: Int) throws {
    guard (1...maximumSide).contains(width), (1...maximumSide).contains(height) else {
      throw FauxtoError.image("a picture of \(width) x \(height) px; each side must have 1 to \(maximumSide) px")
    }
    guard width * height <= maximumArea else {
      throw FauxtoError.image("more than \(maximumArea / 1_000_000) megapixels; scale it down first")
    }
  }

  /// The shorter side, px.
  public var shortSide: Int { min(width, height) }
}
