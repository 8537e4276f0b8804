#if canImport(ImageIO)
  import CoreGraphics
  import Foundation
  import ImageIO

  extension Pixels {
    /// The formats that are read, as the system names them by a file's content. Raw camera files have other names.
    static let formats: Set<String> = [
      "public.jpeg", "public.mpo-image", "public.png", "org.webmproject.webp", "com.compuserve.gif",
      "com.microsoft.bmp",
      "public.tiff", "public.avif", "public.heic", "public.heif",
    ]

    /// Decode a file, see `init(encoded:)`. Throws `FauxtoError.image`.
    public init(contentsOf url: URL) throws {
      let data: Data
      do {
        data = try Data(contentsOf: url, options: .mappedIfSafe)
      } catch {
        throw FauxtoError.image("cannot be read (\(error.localizedDescription))")
      }
      try self.init(encoded: data)
    }

    /// Decode a picture: the first frame, upright, sRGB, eight bits, transparency over white.
    ///
    /// It is decoded whole: neither a thumbnail inside of the file nor one that ImageIO makes has the pixels that the
    /// model was trained with.
    ///
    /// - Parameter data: JPEG, MPO, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIF.
    /// - Returns: (H, W, 4).
    /// - Throws: `FauxtoError.image` for another format, a damaged picture, and one of more than `maximumArea`.
    public init(encoded data: Data) throws {
      let options = [kCGImageSourceShouldCache: false] as CFDictionary
      guard !data.isEmpty else { throw FauxtoError.image("the file is empty") }
      guard let source = CGImageSourceCreateWithData(data as CFData, options),
        let format = CGImageSourceGetType(source) as String?
      else { throw FauxtoError.image("not a picture, or a damaged one") }
      guard Self.formats.contains(format) else {
        throw FauxtoError.image(
          "a file of the format \(format), which fauxto does not read; export it as JPEG or PNG first")
      }
      let properties = CGImageSourceCopyPropertiesAtIndex(source, 0, nil) as? [CFString: Any] ?? [:]
      guard let width = properties[kCGImagePropertyPixelWidth] as? Int,
        let height = properties[kCGImagePropertyPixelHeight] as? Int
      else { throw FauxtoError.image("damaged picture (its header cannot be read)") }
      try Self.check(width: width, height: height)
      if properties[kCGImagePropertyIsFloat] as? Bool == true || properties[kCGImagePropertyDepth] as? Int == 32 {
        throw FauxtoError.image("samples of 32 bits; export it with 8 or 16 bits first")
      }
      let broken: [CGImageSourceStatus] = [.statusUnexpectedEOF, .statusInvalidData, .statusIncomplete]
      guard let image = CGImageSourceCreateImageAtIndex(source, 0, options),
        !broken.contains(CGImageSourceGetStatusAtIndex(source, 0))
      else { throw FauxtoError.image("damaged or truncated picture") }
      self = try Pixels(cgImage: image)
        .upright(orientation: properties[kCGImagePropertyOrientation] as? Int ?? 1)
    }

    /// A picture in memory as sRGB, over white, as it lies: where it came with an orientation, `upright(orientation:)` is
    /// for that.
    ///
    /// - Returns: (H, W, 4).
    /// - Throws: `FauxtoError.image` where it is too large or there is no memory for it.
    public init(cgImage image: CGImage) throws {
      let (width, height) = (image.width, image.height)
      try Self.check(width: width, height: height)
      guard let space = CGColorSpace(name: CGColorSpace.sRGB) else {
        throw FauxtoError.image("the system has no sRGB; report this with its version")
      }
      var drawn = false
      let samples = [UInt8](unsafeUninitializedCapacity: width * height * 4) { buffer, count in
        buffer.initialize(repeating: 255)  // white
        count = buffer.count
        guard
          let context = CGContext(
            data: buffer.baseAddress, width: width, height: height, bitsPerComponent: 8, bytesPerRow: width * 4,
            space: space,
            bitmapInfo: CGImageAlphaInfo.noneSkipLast.rawValue | CGBitmapInfo.byteOrder32Big.rawValue)
        else { return }
        context.interpolationQuality = .none
        context.draw(image, in: CGRect(x: 0, y: 0, width: width, height: height))
        drawn = true
      }
      guard drawn else { throw FauxtoError.image("not enough memory to decode it") }
      self.init(unchecked: samples, width: width, height: height, channels: 4)
    }
  }
#endif
