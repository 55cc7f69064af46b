using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace GrainDb.Cluster.Tests.Faults;

/// <summary>A connection whose bytes vanish while its network says so. A direction that lost bytes stays mute.</summary>
internal sealed class GatedConnection : IDuplexPipe
{
    private readonly ConnectionContext _context;
    private readonly Gate _outgoing;
    private readonly Gate _incoming;
    private readonly string _opener;
    private readonly string _target;

    public GatedConnection(Network network, string opener, string target, ConnectionContext context)
    {
        _opener = opener;
        _target = target;
        _context = context;
        _outgoing = new Gate(network, opener, target);
        _incoming = new Gate(network, target, opener);
        Input = new GatedReader(context.Transport.Input, _incoming);
        Output = new GatedWriter(context.Transport.Output, _outgoing);
    }

    public PipeReader Input { get; }

    public PipeWriter Output { get; }

    /// <summary>Whether bytes vanished, so that it cannot go on.</summary>
    public bool HasLost => _outgoing.IsMute || _incoming.IsMute;

    public bool IsBetween(string one, string other) => (_opener == one && _target == other) || (_opener == other && _target == one);

    public void Break() => _context.Abort(new ConnectionAbortedException($"the connection between {_opener} and {_target} was broken"));

    /// <summary>One direction.</summary>
    private sealed class Gate(Network network, string from, string to)
    {
        private volatile bool _isMute;

        public bool IsMute => _isMute;

        /// <summary>Whether bytes that come now vanish; from then on all do.</summary>
        public bool Swallows()
        {
            if (!_isMute && network.IsCut(from, to))
                _isMute = true;
            return _isMute;
        }

        public void NoteLoss() => network.NoteLoss(from, to);
    }

    private sealed class GatedReader(PipeReader inner, Gate gate) : PipeReader
    {
        public override void AdvanceTo(SequencePosition consumed) => inner.AdvanceTo(consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => inner.AdvanceTo(consumed, examined);

        public override void CancelPendingRead() => inner.CancelPendingRead();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            while (true)
            {
                var result = await inner.ReadAsync(cancellationToken);
                if (result.IsCanceled || result.IsCompleted || result.Buffer.IsEmpty || !gate.Swallows())
                    return result;
                inner.AdvanceTo(result.Buffer.End);
                gate.NoteLoss();
            }
        }

        public override bool TryRead(out ReadResult result)
        {
            if (!inner.TryRead(out result))
                return false;
            if (result.IsCanceled || result.IsCompleted || result.Buffer.IsEmpty || !gate.Swallows())
                return true;
            inner.AdvanceTo(result.Buffer.End);
            gate.NoteLoss();
            return false;
        }
    }

    private sealed class GatedWriter(PipeWriter inner, Gate gate) : PipeWriter
    {
        private const int LeastBuffer = 4096;

        private byte[] _lost = [];
        private bool _isLosing;

        public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

        public override long UnflushedBytes => inner.UnflushedBytes;

        /// <summary>What was asked for before the cut still goes out.</summary>
        public override void Advance(int bytes)
        {
            if (_isLosing)
                gate.NoteLoss();
            else
                inner.Advance(bytes);
        }

        public override Memory<byte> GetMemory(int sizeHint = 0)
        {
            _isLosing = gate.Swallows();
            if (!_isLosing)
                return inner.GetMemory(sizeHint);
            if (_lost.Length < Math.Max(sizeHint, LeastBuffer))
                _lost = new byte[Math.Max(sizeHint, LeastBuffer)];
            return _lost;
        }

        public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) =>
            gate.Swallows() ? new(new FlushResult(isCanceled: false, isCompleted: false)) : inner.FlushAsync(cancellationToken);
    }
}
