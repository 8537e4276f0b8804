import Foundation

/// What the card says of the way from picture to input: `input` in the card.
public struct Preprocessing: Codable, Equatable, Sendable {
  /// S, the side of a crop, px.
  public let cropSize: Int
  /// Larger pictures are scaled down to this short side, px.
  public let maxShortSide: Int
  /// Name of the resampling filter; this package knows `bicubic`.
  public let filter: String
  /// The crops' places, (x, y) each in 0...1: 0 is left or top, 1 is right or bottom.
  public let positions: [[Double]]
  /// Per channel, R, G, B, for samples scaled to 0...1.
  public let mean: [Double]
  /// The same.
  public let std: [Double]
  /// How crops' logits become the picture's; this package knows `mean of the largest`.
  public let pooling: String
  /// How many of the crops' logits, the largest, the picture's logit is the mean of.
  public let pooledCrops: Int

  enum CodingKeys: String, CodingKey {
    case filter, positions, mean, std, pooling
    case cropSize = "crop_size"
    case maxShortSide = "max_short_side"
    case pooledCrops = "pooled_crops"
  }
}

extension Preprocessing {
  /// The size that a picture is seen at, px: the short side at most `maxShortSide`, the long side rounded half up.
  public func scaledSize(width: Int, height: Int) -> (width: Int, height: Int) {
    let short = min(width, height)
    if short <= maxShortSide { return (width, height) }
    let sides = [width, height].map { side in
      Int((Double(side * maxShortSide) / Double(short) + 0.5).rounded(.down))
    }
    return (sides[0], sides[1])
  }

  /// Where the crops begin in the scaled picture, (left, top) px, before anything is mirrored.
  public func offsets(width: Int, height: Int) -> [(left: Int, top: Int)] {
    positions.map { place in
      (Self.offset(place[0], free: width - cropSize), Self.offset(place[1], free: height - cropSize))
    }
  }

  /// Cut the crops out of an upright sRGB picture.
  ///
  /// - Parameter image: (H, W, 3 or 4).
  /// - Returns: as many as `positions`, in their order, each (S, S, 3).
  public func crops(of image: Pixels) throws -> [Pixels] {
    let (width, height) = scaledSize(width: image.width, height: image.height)
    let isScaled = (width, height) != (image.width, image.height)
    let scaled = isScaled ? try Resize.bicubic(image, width: width, height: height) : image
    return offsets(width: width, height: height).map { cut(scaled, left: $0.left, top: $0.top) }
  }

  /// Crops as the network sees them, `(sample / 255 - mean) / std` in single precision.
  ///
  /// A Core ML package does that itself; an ONNX file is given this.
  ///
  /// - Parameter crops: N of (S, S, 3).
  /// - Returns: (N, 3, S, S).
  public func normalised(_ crops: [Pixels]) -> [Float] {
    var planar = [Float]()
    planar.reserveCapacity(crops.count * 3 * cropSize * cropSize)
    for crop in crops {
      for channel in 0..<3 {
        let scale = Float(1 / (255 * std[channel]))
        let shift = Float(-mean[channel] / std[channel])
        let table = (0...255).map { Float($0) * scale + shift }
        for at in stride(from: channel, to: crop.samples.count, by: crop.channels) {
          planar.append(table[Int(crop.samples[at])])
        }
      }
    }
    return planar
  }

  /// The picture's logit: the mean of the `pooledCrops` largest of its crops'; not a number where one of them is none.
  public func pool(_ logits: [Double]) -> Double {
    if logits.contains(where: \.isNaN) { return .nan }
    return logits.sorted().suffix(pooledCrops).reduce(0, +) / Double(min(pooledCrops, logits.count))
  }

  /// (S, S, 3) of a picture; a side shorter than S is mirrored, edge pixel included, evenly on both sides.
  private func cut(_ image: Pixels, left: Int, top: Int) -> Pixels {
    let columns = Self.places(from: left, side: image.width, size: cropSize)
    let rows = Self.places(from: top, side: image.height, size: cropSize)
    var samples = [UInt8]()
    samples.reserveCapacity(cropSize * cropSize * 3)
    for row in rows {
      for column in columns {
        let at = (row * image.width + column) * image.channels
        samples.append(image.samples[at])
        samples.append(image.samples[at + 1])
        samples.append(image.samples[at + 2])
      }
    }
    return Pixels(unchecked: samples, width: cropSize, height: cropSize)
  }

  /// Which pixel of a side stands at each place of a crop.
  private static func places(from start: Int, side: Int, size: Int) -> [Int] {
    let before = max(0, size - side) / 2
    return (start..<(start + size)).map { place in
      let period = 2 * side
      let at = ((place - before) % period + period) % period
      return at < side ? at : period - 1 - at
    }
  }

  private static func offset(_ fraction: Double, free: Int) -> Int {
    Int((fraction * Double(max(0, free)) + 0.5).rounded(.down))
  }
}
