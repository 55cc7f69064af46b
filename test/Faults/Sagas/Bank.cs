using System.Globalization;
using System.Net;
using System.Text.Json;
using GrainDb.Silo.Tests.Processes;

namespace GrainDb.Faults.Sagas;

/// <summary>
/// A payment service outside of the database, which keeps the participant protocol by the idempotency keys of its calls: one effect of each, and no charge after its refund. Its refunds fail while a test says so.
/// </summary>
internal sealed class Bank : IAsyncDisposable
{
    public const string ServiceName = "bank";

    private readonly HttpListener _listener = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<string, long> _charges = [];
    private readonly HashSet<string> _refunds = [];
    private readonly Task _serving;
    private readonly TaskCompletionSource _arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile RefundCounter _counter = RefundCounter.Open;
    private int _refundCalls;

    public Bank()
    {
        var port = GrainDbProcess.FreePort();
        Url = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}/calls/");
        _listener.Prefixes.Add(Url);
        _listener.Start();
        _serving = ServeAsync();
    }

    /// <summary>What becomes of refunds.</summary>
    public enum RefundCounter
    {
        /// <summary>They are made.</summary>
        Open,

        /// <summary>They are turned away, for certain.</summary>
        Closed,

        /// <summary>They are left waiting, and turned away when the test says so.</summary>
        Held,
    }

    public RefundCounter Counter
    {
        get => _counter;
        set => _counter = value;
    }

    /// <summary>What nodes need to know to call it.</summary>
    public IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>
    {
        ["GrainDb__SagaTargets__0"] = new Uri(Url).GetLeftPart(UriPartial.Authority),
        [$"GrainDb__SagaServices__{ServiceName}__Url"] = Url,
        [$"GrainDb__SagaServices__{ServiceName}__Actions__charge"] = "refund",
    };

    /// <summary>Calls of refunds that arrived.</summary>
    public int RefundCalls => Volatile.Read(ref _refundCalls);

    /// <summary>When a refund waits.</summary>
    public Task RefundArrived => _arrived.Task;

    private string Url { get; }

    /// <summary>What was charged and not refunded, in hundredths.</summary>
    public long Charged
    {
        get
        {
            lock (_gate)
                return _charges.Where(charge => !_refunds.Contains(charge.Key)).Sum(charge => charge.Value);
        }
    }

    /// <summary>Turns the refund away that waits.</summary>
    public void Release() => _released.TrySetResult();

    public async ValueTask DisposeAsync()
    {
        Release();
        _listener.Close();
        await _serving;
    }

    private async Task ServeAsync()
    {
        var calls = new List<Task>();
        while (true)
        {
            try
            {
                calls.Add(AnswerAsync(await _listener.GetContextAsync()));
            }
            catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException)
            {
                await Task.WhenAll(calls).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // nodes that were killed do not wait for answers
                return;
            }
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        using var call = await JsonDocument.ParseAsync(context.Request.InputStream);
        var key = context.Request.Headers["Idempotency-Key"]!;
        var (status, answer) = call.RootElement.GetProperty("action").GetString() == "refund"
            ? await RefundAsync(key[..key.LastIndexOf('/')])
            : Charge(key[..key.LastIndexOf('/')], call.RootElement.GetProperty("input").GetProperty("amount").GetString()!);
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        await JsonSerializer.SerializeAsync(context.Response.OutputStream, answer);
        context.Response.Close();
    }

    private (int Status, object Answer) Charge(string step, string amount)
    {
        lock (_gate)
        {
            if (_refunds.Contains(step))
                return (409, new { detail = "it was refunded before" });
            _charges.TryAdd(step, long.Parse(amount.Replace(".", "", StringComparison.Ordinal), CultureInfo.InvariantCulture));
            return (200, new { charged = amount });
        }
    }

    private async Task<(int Status, object Answer)> RefundAsync(string step)
    {
        Interlocked.Increment(ref _refundCalls);
        if (Counter == RefundCounter.Held)
        {
            _arrived.TrySetResult();
            await _released.Task;
        }

        if (Counter != RefundCounter.Open)
            return (503, new { detail = "the bank is closed" });
        lock (_gate)
            _refunds.Add(step);
        return (200, new { });
    }
}
