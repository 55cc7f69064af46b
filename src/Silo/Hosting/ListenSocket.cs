using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace GrainDb.Silo.Hosting;

/// <summary>
/// A listening socket that can be closed without breaking a connection. The kernel completes handshakes by itself: a connection that nobody has
/// accepted yet may carry a request already, and closing the socket resets it, so that its client cannot know what became of the request.
/// <para>Closing is therefore: (1) the kernel is told to ignore further attempts to connect (a packet filter on this socket; Linux only); (2) what has connected
/// by then is accepted; (3) the socket is closed. A client that tried in between tries again by itself, and is refused.</para>
/// </summary>
public sealed class ListenSocket
{
    /// <summary>After this long the socket is closed although connections wait: nobody accepts them.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>Between two looks at the queue.</summary>
    private static readonly TimeSpan Round = TimeSpan.FromMilliseconds(10);

    /// <summary>Looks in a row that must find the queue empty: a handshake may be half done when the filter comes into force.</summary>
    private const int EmptyRounds = 3;

    private const int SolSocket = 1;
    private const int SoAttachFilter = 26;

    /// <summary>Classic BPF, on the TCP header: a packet with SYN is dropped, any other passes.</summary>
    private static readonly BpfInstruction[] DropSyn =
    [
        new(Code: 0x30, IfTrue: 0, IfFalse: 0, Operand: 13), // load the byte of the flags
        new(Code: 0x45, IfTrue: 0, IfFalse: 1, Operand: 0x02), // SYN?
        new(Code: 0x06, IfTrue: 0, IfFalse: 0, Operand: 0),
        new(Code: 0x06, IfTrue: 0, IfFalse: 0, Operand: uint.MaxValue),
    ];

    private readonly Socket _socket;

    private ListenSocket(Socket socket) => _socket = socket;

    /// <summary>Binds; whoever accepts on <paramref name="socket"/> finds it disposed of after <see cref="CloseAsync"/>, and stops.</summary>
    public static ListenSocket Bind(EndPoint endPoint, out Socket socket) => new(socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endPoint));

    /// <summary>Closes it once everything that has connected is accepted.</summary>
    public async Task CloseAsync(TimeProvider time)
    {
        try
        {
            if (OperatingSystem.IsLinux())
                IgnoreNewcomers();
            var started = time.GetTimestamp();
            for (var empty = 0; empty < EmptyRounds && time.GetElapsedTime(started) < Patience;)
            {
                await Task.Delay(Round, time);
                empty = _socket.Poll(0, SelectMode.SelectRead) ? 0 : empty + 1;
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // Closed by the server meanwhile, or a kernel without filters: closing is all that is left.
        }

        _socket.Dispose();
    }

    private void IgnoreNewcomers()
    {
        var pinned = GCHandle.Alloc(DropSyn, GCHandleType.Pinned);
        try
        {
            var program = new BpfProgram((ushort)DropSyn.Length, pinned.AddrOfPinnedObject());
            _socket.SetRawSocketOption(SolSocket, SoAttachFilter, MemoryMarshal.AsBytes(new ReadOnlySpan<BpfProgram>(in program)));
        }
        finally
        {
            pinned.Free(); // the kernel has its own copy
        }
    }

    /// <summary><c>struct sock_filter</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct BpfInstruction(ushort Code, byte IfTrue, byte IfFalse, uint Operand);

    /// <summary><c>struct sock_fprog</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct BpfProgram(ushort Length, nint Instructions);
}
