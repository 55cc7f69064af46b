using System.IO.Pipelines;

namespace GrainDb.Api.Errors;

/// <summary>
/// A connection's transport that passes everything through, until it is told to send one other answer in place of all that
/// is still to come. Kestrel writes nothing but its bare refusal after that, then closes.
/// </summary>
internal sealed class RejectionTransport : IDuplexPipe
{
    private readonly RejectionWriter _output;

    public RejectionTransport(IDuplexPipe inner, bool insideTls)
    {
        Input = inner.Input;
        _output = new RejectionWriter(inner.Output);
        InsideTls = insideTls;
    }

    public PipeReader Input { get; }

    public PipeWriter Output => _output;

    /// <summary>Whether what is written here is plain text even on an encrypted connection.</summary>
    public bool InsideTls { get; }

    public void Substitute(byte[] answer) => _output.Substitute(answer);

    private sealed class RejectionWriter(PipeWriter inner) : PipeWriter
    {
        private const int ScratchBytes = 4096;

        private byte[]? _answer;
        private bool _sent;
        private byte[] _scratch = [];

        public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

        public override long UnflushedBytes => inner.UnflushedBytes;

        public void Substitute(byte[] answer) => _answer ??= answer;

        public override void Advance(int bytes)
        {
            if (_answer is null)
                inner.Advance(bytes);
        }

        public override Memory<byte> GetMemory(int sizeHint = 0) => _answer is null ? inner.GetMemory(sizeHint) : Scratch(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => _answer is null ? inner.GetSpan(sizeHint) : Scratch(sizeHint);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            SendOnce();
            return inner.FlushAsync(cancellationToken);
        }

        public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default) =>
            _answer is null ? inner.WriteAsync(source, cancellationToken) : FlushAsync(cancellationToken);

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask CompleteAsync(Exception? exception = null) => inner.CompleteAsync(exception);

        private void SendOnce()
        {
            if (_answer is null || _sent)
                return;
            _sent = true;
            _answer.CopyTo(inner.GetSpan(_answer.Length));
            inner.Advance(_answer.Length);
        }

        private byte[] Scratch(int sizeHint)
        {
            if (_scratch.Length < Math.Max(sizeHint, ScratchBytes))
                _scratch = new byte[Math.Max(sizeHint, ScratchBytes)];
            return _scratch;
        }
    }
}
