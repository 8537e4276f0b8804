import PhotosUI
import SwiftUI
import UniformTypeIdentifiers

/// Choose, drop or take a picture, and read what fauxto says of it.
struct ContentView: View {
  @StateObject private var judgement = Judgement()
  @State private var chosen: PhotosPickerItem?
  #if os(iOS)
    @State private var isTakingPicture = false
  #endif

  var body: some View {
    VStack(spacing: 20) {
      picture
        .frame(maxWidth: .infinity, maxHeight: .infinity)
      AnswerView(state: judgement.state, figures: judgement.figures)
      HStack {
        PhotosPicker("Choose a picture", selection: $chosen, matching: .images)
        #if os(iOS)
          if UIImagePickerController.isSourceTypeAvailable(.camera) {
            Button("Take one") { isTakingPicture = true }
          }
        #endif
      }
      .buttonStyle(.borderedProminent)
      Text("A hint, never proof. Pictures do not leave this device.")
        .font(.footnote)
        .foregroundStyle(.secondary)
    }
    .padding()
    .onChange(of: chosen) { item in
      guard let item else { return }
      judgement.judge { try await item.loadTransferable(type: Data.self) }
    }
    .onDrop(of: [.image], isTargeted: nil, perform: drop)
    #if os(iOS)
      .sheet(isPresented: $isTakingPicture) {
        Camera { data in judgement.judge { data } }
        .ignoresSafeArea()
      }
    #endif
  }

  @ViewBuilder private var picture: some View {
    if let image = judgement.data.flatMap(Self.image) {
      image
        .resizable()
        .scaledToFit()
        .accessibilityLabel("The picture that was judged")
    } else {
      Label("Choose a picture, or drop one here", systemImage: "photo")
        .foregroundStyle(.secondary)
    }
  }

  private func drop(_ providers: [NSItemProvider]) -> Bool {
    guard let provider = providers.first(where: { $0.hasItemConformingToTypeIdentifier(UTType.image.identifier) })
    else {
      return false
    }
    // The file's own bytes, not a picture that the system has decoded and encoded anew.
    _ = provider.loadDataRepresentation(for: .image) { [judgement] data, _ in
      Task { @MainActor in judgement.judge { data } }
    }
    return true
  }

  private static func image(_ data: Data) -> Image? {
    #if os(iOS)
      UIImage(data: data).map(Image.init(uiImage:))
    #else
      NSImage(data: data).map(Image.init(nsImage:))
    #endif
  }
}
