// The symbols of Core Graphics that the package uses, without bodies: enough to type-check it where there is no Mac.
import Foundation

public typealias CFString = String

public final class CGColorSpace {
  public static let sRGB: CFString = ""
  public init?(name: CFString) { nil }
}

public final class CGImage {
  public var width: Int { 0 }
  public var height: Int { 0 }
}

public enum CGImageAlphaInfo: UInt32 { case noneSkipLast = 5 }

public struct CGBitmapInfo: OptionSet {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }
  public static var byteOrder32Big: CGBitmapInfo { CGBitmapInfo(rawValue: 4 << 12) }
}

public enum CGInterpolationQuality { case none }

public final class CGContext {
  public init?(
    data: UnsafeMutableRawPointer?, width: Int, height: Int, bitsPerComponent: Int, bytesPerRow: Int,
    space: CGColorSpace,
    bitmapInfo: UInt32
  ) { nil }
  public var interpolationQuality: CGInterpolationQuality {
    get { .none }
    set {}
  }
  public func draw(_ image: CGImage, in rect: CGRect) {}
}
